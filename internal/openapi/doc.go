// Package openapi describes a profile as an OpenAPI document and checks
// requests and replies against it. The fakes and the tests use it, the clients
// don't.
package openapi
