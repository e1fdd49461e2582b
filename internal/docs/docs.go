// Package docs holds the test that does what the README tells newcomers to do.
package docs
