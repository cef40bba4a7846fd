package framework360_test

import (
	"flag"
	"os"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
	"github.com/tg360/tg360/framework360"
	"github.com/tg360/tg360/internal/openapi"
	"github.com/tg360/tg360/internal/wire"
)

var update = flag.Bool("update", false, "rewrite openapi.yaml from the profile")

func defaultProfile(t *testing.T) *wire.Profile {
	t.Helper()
	c := framework360.Contract()
	p, err := wire.LoadProfile(c.Profile, nil, c.Spec)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOpenAPIIsGeneratedFromTheProfile(t *testing.T) {
	t.Parallel()
	doc := openapi.Generate("Framework360", defaultProfile(t), framework360.Contract().Spec.Records)
	want, err := openapi.YAML(doc)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("openapi.yaml", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("openapi.yaml is not what the profile says; run go test ./framework360 -run OpenAPI -update (-profile +file):\n%s", diff)
	}
}

func TestOpenAPIIsValidAndGraded(t *testing.T) {
	t.Parallel()
	loader := openapi3.NewLoader()
	doc, err := loader.LoadFromFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	if u := openapi.Ungraded(doc); len(u) > 0 {
		t.Errorf("no grade: %v", u)
	}
	profile, spec := defaultProfile(t), framework360.Contract().Spec
	var inProfile []string
	for name := range profile.Operations {
		inProfile = append(inProfile, name)
	}
	slices.Sort(inProfile)
	if diff := cmp.Diff(inProfile, openapi.Operations(doc)); diff != "" {
		t.Errorf("operations of the profile and of openapi.yaml differ:\n%s", diff)
	}
	absent := slices.DeleteFunc(slices.Sorted(slices.Values(spec.Operations)), func(n string) bool { return profile.Operations[n] != nil })
	if diff := cmp.Diff(absentByDefault, absent); diff != "" {
		t.Errorf("operations that the client knows and the default profile lacks:\n%s", diff)
	}
	// The file is read as the generated document is.
	if _, err := openapi.NewValidator(doc, "/api"); err != nil {
		t.Error(err)
	}
}

var absentByDefault = []string{}
