package testreport

import "io"

// readJUnit reads JUnit's XML as Ant, Maven, Gradle, pytest and many others write it.
func readJUnit(r io.Reader, yield func(Case) error) error {
	var c Case
	return walk(r, []string{"testsuites", "testsuite"}, func(e *element) error {
		if e.name == "testcase" {
			c = Case{
				Suite: e.above("testsuite").attr("name"), Prefix: e.attr("classname"), Name: e.attr("name"),
				Status: Succeeded, Duration: seconds(e.attr("time")),
			}
		}
		return nil
	}, func(e *element) error {
		if e.name == "testcase" {
			return yield(c)
		}
		if !e.in("testcase") {
			return nil
		}
		status := Succeeded
		switch e.name {
		case "failure":
			status = Failed
		case "error":
			status = Errored
		case "skipped":
			status = Skipped
		}
		if status != Succeeded && (c.Status == Succeeded || c.Status == Skipped) {
			c.Status, c.Message = status, reason(e.attr("message"), e.content())
		}
		return nil
	})
}

// readTestNG reads testng-results.xml. Methods that only set up or clear away are no tests.
func readTestNG(r io.Reader, yield func(Case) error) error {
	var c Case
	return walk(r, []string{"testng-results"}, func(e *element) error {
		if e.name == "test-method" {
			c = Case{Suite: e.above("suite").attr("name"), Prefix: e.above("class").attr("name"), Name: e.attr("name"), Status: Unknown}
			c.Duration = seconds(e.attr("duration-ms")) / 1000
			switch e.attr("status") {
			case "PASS":
				c.Status = Succeeded
			case "FAIL":
				c.Status = Failed
			case "SKIP":
				c.Status = Skipped
			}
		}
		return nil
	}, func(e *element) error {
		switch {
		case e.name == "message" && e.in("exception"):
			c.Message = reason(e.content(), c.Message)
		case e.name == "full-stacktrace" && e.in("exception"):
			c.Message = reason(c.Message, e.content())
		case e.name == "test-method" && e.attr("is-config") != "true":
			return yield(c)
		}
		return nil
	})
}
