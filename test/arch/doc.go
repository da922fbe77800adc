// Package arch holds the source tree to its architecture: who may import whom, who may ask the machine for the time, where
// folders stand, how long files are. It parses the files itself, in the test's own process: a test that shells out to
// "go list" is cached by "go test" and can pass on a tree that breaks the rules.
//
// The rules are data, in rules.go. To change the architecture, change them there, with the reason beside them.
package arch
