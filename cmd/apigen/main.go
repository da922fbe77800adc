// Command apigen generates the packages below api/ from AWS API models. It runs in the folder api (see api/generate.go)
// and reads there
//
//	services.txt                which packages to generate, from which models
//	patches/PACKAGE.newer.json  what newer models add, as an RFC 7386 merge patch; written by apigen -diff
//	patches/PACKAGE.json        fixes of the model, written by hand, as a merge patch applied after the newer one
//	authz/PACKAGE.txt           the IAM permissions the operations need
//
// With -diff it compares two models instead and prints the merge patch that leads from the first to the second.
package main

import (
	"flag"
	"fmt"
	"os"

	"drydock/cmd/apigen/model"
)

func main() {
	diff := flag.Bool("diff", false, "print the merge patch between two models: apigen -diff OLD NEW")
	flag.Parse()
	var err error
	switch {
	case *diff && flag.NArg() == 2:
		err = printDiff(flag.Arg(0), flag.Arg(1))
	case !*diff && flag.NArg() == 0:
		err = generateHere()
	default:
		flag.Usage()
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "apigen:", err)
		os.Exit(1)
	}
}

// generateHere generates the packages below the working folder.
func generateHere() error {
	models, err := modelsDir(".")
	if err != nil {
		return err
	}
	return generate(".", models)
}

// printDiff prints the merge patch between two model files, gzipped or not.
func printDiff(from, to string) error {
	old, err := model.ReadTree(from)
	if err != nil {
		return err
	}
	next, err := model.ReadTree(to)
	if err != nil {
		return err
	}
	_, err = fmt.Printf("%s\n", model.Format(model.Diff(old, next)))
	return err
}
