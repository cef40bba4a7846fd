package framework360

import (
	"context"
	"iter"

	"github.com/tg360/tg360/internal/api"
	"github.com/tg360/tg360/internal/wire"
)

// Page is one page of a list.
type Page[T any] struct {
	Items []T
	// Rejected holds an error for each element that could not be read, each an
	// *Error with the record's id where it has one.
	Rejected []error
	Next     string // cursor of the next page; empty on the last
}

func newPage[T any](p api.Page[T]) Page[T] {
	out := Page[T]{Items: p.Items, Next: p.Next}
	for _, f := range p.Rejected {
		out.Rejected = append(out.Rejected, fromFailure(f))
	}
	return out
}

func listPage[T any](ctx context.Context, c *Client, op string, params map[string]any, start api.Start, codec *wire.Codec[T]) (Page[T], error) {
	p, f := api.List(ctx, c.api, op, params, start, codec)
	return newPage(p), fromFailure(f)
}

func walkPages[T any](ctx context.Context, c *Client, op string, params map[string]any, start api.Start, codec *wire.Codec[T]) iter.Seq2[Page[T], error] {
	return func(yield func(Page[T], error) bool) {
		for p, f := range api.Walk(ctx, c.api, op, params, start, codec) {
			if !yield(newPage(p), fromFailure(f)) {
				return
			}
		}
	}
}

// setOnly makes parameters of name and value pairs whose value is not empty.
func setOnly(pairs ...string) map[string]any {
	p := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			p[pairs[i]] = pairs[i+1]
		}
	}
	return p
}
