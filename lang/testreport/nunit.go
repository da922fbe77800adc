package testreport

import (
	"io"
	"strings"
)

// readNUnit reads the results of NUnit 2, whose cases have their full name only.
func readNUnit(r io.Reader, yield func(Case) error) error {
	var c Case
	return walk(r, []string{"test-results"}, func(e *element) error {
		if e.name == "test-case" {
			name := e.attr("name")
			prefix := ""
			if i := strings.LastIndexByte(strings.SplitN(name, "(", 2)[0], '.'); i >= 0 {
				prefix, name = name[:i], name[i+1:]
			}
			c = Case{
				Suite: e.above("test-suite").attr("name"), Prefix: prefix, Name: name,
				Status: nunitStatus(e), Duration: seconds(e.attr("time")),
			}
		}
		return nil
	}, func(e *element) error { return shutNUnit(e, &c, yield) })
}

// nunitStatus reads what early versions of NUnit 2 say by executed and success, later ones by result.
func nunitStatus(e *element) Status {
	switch strings.ToLower(e.attr("result")) {
	case "success":
		return Succeeded
	case "failure":
		return Failed
	case "error", "notrunnable", "cancelled":
		return Errored
	case "ignored", "skipped":
		return Skipped
	case "inconclusive":
		return Unknown
	}
	switch {
	case strings.EqualFold(e.attr("executed"), "false"):
		return Skipped
	case strings.EqualFold(e.attr("success"), "true"):
		return Succeeded
	case strings.EqualFold(e.attr("success"), "false"):
		return Failed
	}
	return Unknown
}

// readNUnit3 reads the results of NUnit 3.
func readNUnit3(r io.Reader, yield func(Case) error) error {
	var c Case
	return walk(r, []string{"test-run"}, func(e *element) error {
		if e.name == "test-case" {
			c = Case{
				Suite: e.above("test-suite").attr("name"), Prefix: e.attr("classname"), Name: e.attr("name"),
				Status: nunit3Status(e.attr("result"), e.attr("label")), Duration: seconds(e.attr("duration")),
			}
		}
		return nil
	}, func(e *element) error { return shutNUnit(e, &c, yield) })
}

func nunit3Status(result, label string) Status {
	switch strings.ToLower(result) {
	case "passed", "warning":
		return Succeeded
	case "failed":
		if l := strings.ToLower(label); l == "error" || l == "invalid" || l == "cancelled" {
			return Errored
		}
		return Failed
	case "skipped":
		return Skipped
	}
	return Unknown
}

// shutNUnit takes the messages of a case, which both versions have alike.
func shutNUnit(e *element, c *Case, yield func(Case) error) error {
	of := e.in("failure") || e.in("reason")
	if of && !e.parent.in("test-case") { // of a whole suite
		return nil
	}
	switch {
	case of && e.name == "message":
		c.Message = reason(e.content(), c.Message)
	case of && e.name == "stack-trace":
		c.Message = reason(c.Message, e.content())
	case e.name == "test-case":
		return yield(*c)
	}
	return nil
}
