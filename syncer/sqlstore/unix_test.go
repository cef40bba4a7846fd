//go:build unix

package sqlstore_test

import "syscall"

func init() { becomeNobody = func() error { return syscall.Setuid(65534) } }
