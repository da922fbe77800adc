// Command hello greets whoever is named on its command line, and says which commit it was built from.
package main

import (
	"fmt"
	"os"
	"strings"
)

// version is the commit the program was built from; the build sets it by the linker.
var version = "an unknown commit"

func main() {
	fmt.Printf("%s I was built from %s.\n", greeting(os.Args[1:]), version)
}

// greeting greets all that are named, or the world.
func greeting(names []string) string {
	switch last := len(names) - 1; last {
	case -1:
		return "Hello, world!"
	case 0:
		return "Hello, " + names[0] + "!"
	default:
		return "Hello, " + strings.Join(names[:last], ", ") + " and " + names[last] + "!"
	}
}
