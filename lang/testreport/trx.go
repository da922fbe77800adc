package testreport

import (
	"io"
	"strconv"
	"strings"
	"time"
)

// readVisualStudio reads Visual Studio's TRX. The classes of the tests stand apart from their results, mostly behind
// them, so the results are held until the end.
func readVisualStudio(r io.Reader, yield func(Case) error) error {
	type held struct {
		id string
		Case
	}
	var cases []held
	var c held
	class := map[string]string{}
	err := walk(r, []string{"TestRun"}, func(e *element) error {
		switch {
		case strings.HasSuffix(e.name, "TestResult") && (e.in("Results") || e.in("InnerResults")):
			c = held{id: e.attr("testId"), Case: Case{
				Name: e.attr("testName"), Status: trxStatus(e.attr("outcome")), Duration: clockTime(e.attr("duration")),
			}}
		case e.name == "TestMethod" && e.in("UnitTest"):
			if len(class) >= maxHeld {
				return ErrTooLarge
			}
			name, _, _ := strings.Cut(e.attr("className"), ",") // an assembly's name may follow
			class[e.parent.attr("id")] = name
		}
		return nil
	}, func(e *element) error {
		switch {
		case e.name == "Message" && e.in("ErrorInfo"):
			c.Message = reason(e.content(), c.Message)
		case e.name == "StackTrace" && e.in("ErrorInfo"):
			c.Message = reason(c.Message, e.content())
		case strings.HasSuffix(e.name, "TestResult") && (e.in("Results") || e.in("InnerResults")):
			if len(cases) >= maxHeld {
				return ErrTooLarge
			}
			if c.Name != "" { // else it is a test whose inner results have been taken
				cases = append(cases, c)
			}
			c = held{}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range cases {
		c.Prefix = class[c.id]
		if c.Prefix != "" {
			c.Name = strings.TrimPrefix(c.Name, c.Prefix+".")
		}
		if err := yield(c.Case); err != nil {
			return err
		}
	}
	return nil
}

func trxStatus(outcome string) Status {
	switch outcome {
	case "Passed", "PassedButRunAborted", "Completed", "Warning":
		return Succeeded
	case "Failed":
		return Failed
	case "Error", "Timeout", "Aborted", "NotRunnable", "Disconnected":
		return Errored
	case "NotExecuted":
		return Skipped
	}
	return Unknown
}

// clockTime reads a duration such as "00:00:01.2345678".
func clockTime(text string) time.Duration {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return 0
	}
	hours, err := strconv.Atoi(parts[0])
	minutes, err2 := strconv.Atoi(parts[1])
	if err != nil || err2 != nil || hours < 0 || hours > 1e5 || minutes < 0 || minutes > 59 {
		return 0
	}
	return time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute + seconds(parts[2])
}
