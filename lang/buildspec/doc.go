// Package buildspec reads CodeBuild's build specifications, versions 0.1 and 0.2, and selects the files that an
// artifacts, cache or reports block names. It follows "Build specification reference for CodeBuild" and "Batch build
// buildspec reference" of AWS's user guide; where wordings of AWS's errors are known from build logs, they are used.
//
// It is pure: it neither runs commands, nor resolves parameters, secrets or the shell expressions in names.
package buildspec
