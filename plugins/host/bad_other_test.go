//go:build !linux

package host_test

// beKilled is for a test of Linux.
func beKilled() {}

// stopSelf leaves it at hanging.
func stopSelf() {}
