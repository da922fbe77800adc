package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"drydock/app"
)

// coverageCommand lists the operations that this binary carries out.
type coverageCommand struct {
	Missing bool   `help:"List the missing operations too."`
	Docs    string `help:"Write a page for each service into this folder instead." type:"existingdir"`
}

// Run prints the table or writes the pages.
func (c *coverageCommand) Run(ctx context.Context) error {
	services, err := app.CoverageOf(ctx)
	if err != nil {
		return err
	}
	if c.Docs != "" {
		return app.WriteCoverage(services, c.Docs)
	}
	var table strings.Builder
	for _, s := range services {
		fmt.Fprintf(&table, "%-12s %3d of %3d operations\n", s.Service, len(s.Implemented), len(s.Implemented)+len(s.Missing))
		if c.Missing {
			for _, name := range s.Missing {
				fmt.Fprintf(&table, "             missing %s\n", name)
			}
		}
	}
	_, err = os.Stdout.WriteString(table.String())
	return err
}
