package testreport

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var caseFiles = map[Format]string{
	JUnit: "junit.xml", Cucumber: "cucumber.json", VisualStudio: "trx.xml", TestNG: "testng.xml", NUnit: "nunit.xml", NUnit3: "nunit3.xml",
}

var coverageFiles = map[Format]string{
	Clover: "clover.xml", Cobertura: "cobertura.xml", JaCoCo: "jacoco.xml", SimpleCov: "simplecov.json", LCOV: "lcov.info",
}

func TestReadCases(t *testing.T) {
	t.Parallel()
	want := map[Format][]Case{
		JUnit: {
			{"shop.CartTest", "shop.CartTest", "adds", Succeeded, "", 250 * time.Millisecond},
			{"shop.CartTest", "shop.CartTest", "removes", Failed, "expected 1 < 2\n    at CartTest.java:12", 1000*time.Second + 500*time.Millisecond},
			{"shop.CartTest", "shop.CartTest", "pays", Errored, "no bank\ntrace", 0},
			{"shop.CartTest", "shop.CartTest", "ships", Skipped, "later", 0},
		},
		Cucumber: {
			{"features/shop.feature", "Shopping", "buy", Succeeded, "", 3000},
			{"features/shop.feature", "Shopping", "return", Failed, "no refund", 5},
			{"features/shop.feature", "Shopping", "complain", Errored, "undefined step: When I shout", 0},
			{"features/shop.feature", "Shopping", "wait", Skipped, "", 0},
		},
		VisualStudio: {
			{"", "Shop.Tests.CartTest", "Adds", Succeeded, "", 1500 * time.Millisecond},
			{"", "Shop.Tests.CartTest", "Removes", Failed, "Assert failed\nat Cart.cs:3", time.Minute},
			{"", "", "Ships", Skipped, "", 0},
			{"", "", "Hangs", Errored, "", 0},
		},
		TestNG: {
			{"Shop", "shop.CartTest", "adds", Succeeded, "", 250 * time.Millisecond},
			{"Shop", "shop.CartTest", "removes", Failed, "expected 1\njava.lang.AssertionError: expected 1\n\tat CartTest.java:9", 7 * time.Millisecond},
			{"Shop", "shop.CartTest", "ships", Skipped, "", 0},
		},
		NUnit: {
			{"CartTest", "Shop.CartTest", "Adds(1.5)", Succeeded, "", 16 * time.Millisecond},
			{"CartTest", "Shop.CartTest", "Removes", Failed, "Expected: 1\nat Cart.cs:3", 100 * time.Millisecond},
			{"CartTest", "Shop.CartTest", "Ships", Skipped, "later", 0},
		},
		NUnit3: {
			{"CartTest", "Shop.CartTest", "Adds", Succeeded, "", 500 * time.Millisecond},
			{"CartTest", "Shop.CartTest", "Removes", Failed, "Expected 1\nat Cart.cs:3", 250 * time.Millisecond},
			{"CartTest", "Shop.CartTest", "Pays", Errored, "no bank", 0},
			{"CartTest", "Shop.CartTest", "Ships", Skipped, "later", 0},
		},
	}
	for format, name := range caseFiles {
		f, err := os.Open("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var got []Case
		if err := ReadCases(format, f, func(c Case) error { got = append(got, c); return nil }); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		if diff := cmp.Diff(want[format], got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
		if !format.Known() || format.IsCoverage() {
			t.Errorf("%s is not known as a format of test results", format)
		}
	}
}

func TestReadCoverage(t *testing.T) {
	t.Parallel()
	want := map[Format][]Coverage{
		Clover:    {{"/src/Cart.php", 8, 2, 1, 3}, {"Bank.php", 1, 1, 1, 1}},
		Cobertura: {{"shop/cart.py", 3, 1, 1, 1}, {"shop/bank.py", 0, 1, 0, 0}},
		JaCoCo:    {{"com/shop/Cart.java", 6, 2, 3, 1}, {"com/shop/Bank.java", 0, 4, 0, 0}},
		SimpleCov: {{"/app/bank.rb", 0, 2, 0, 0}, {"/app/cart.rb", 3, 0, 1, 1}},
		LCOV:      {{"src/cart.js", 2, 1, 1, 1}, {"src/bank.js", 0, 1, 0, 0}},
	}
	for format, name := range coverageFiles {
		f, err := os.Open("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var got []Coverage
		if err := ReadCoverage(format, f, func(c Coverage) error { got = append(got, c); return nil }); err != nil {
			t.Errorf("%s: %v", format, err)
		}
		if diff := cmp.Diff(want[format], got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", format, diff)
		}
		if !format.IsCoverage() {
			t.Errorf("%s is not known as a format of coverage", format)
		}
	}
}

func TestRead_RefusesWhatIsNotOfTheFormat(t *testing.T) {
	t.Parallel()
	for format := range caseFiles {
		for _, text := range []string{"", "<html></html>", "{}", "<testsuite>", "[{", "<testsuite></testsuites>"} {
			if err := ReadCases(format, strings.NewReader(text), func(Case) error { return nil }); err == nil {
				t.Errorf("%s takes %q", format, text)
			}
		}
	}
	for format := range coverageFiles {
		for _, text := range []string{"", "<html></html>", "[]", "<coverage>"} {
			if err := ReadCoverage(format, strings.NewReader(text), func(Coverage) error { return nil }); err == nil {
				t.Errorf("%s takes %q", format, text)
			}
		}
	}
	if err := ReadCases(Clover, strings.NewReader("<coverage/>"), nil); err == nil {
		t.Error("a coverage report is read as test results")
	}
	if err := ReadCoverage(JUnit, strings.NewReader("<testsuite/>"), nil); err == nil {
		t.Error("test results are read as a coverage report")
	}
}

func TestRead_IsBounded(t *testing.T) {
	t.Parallel()
	// Each of these values would take fifty times as many bytes in memory.
	many := strings.Repeat("{},", 3_000_000) + "{}"
	if err := ReadCases(Cucumber, strings.NewReader(`[{"elements":[{"steps":[`+many+`]}]}]`), func(Case) error { return nil }); !errors.Is(err, ErrTooLarge) {
		t.Errorf("many steps: %v", err)
	}
	many = strings.Repeat("null,", 3_000_000) + "null"
	if err := ReadCoverage(SimpleCov, strings.NewReader(`{"rspec":{"coverage":{"a.rb":[`+many+`]}}}`), func(Coverage) error { return nil }); !errors.Is(err, ErrTooLarge) {
		t.Errorf("many lines: %v", err)
	}
	deep := strings.Repeat("<testsuite>", 300)
	if err := ReadCases(JUnit, strings.NewReader(deep), func(Case) error { return nil }); !errors.Is(err, ErrTooLarge) {
		t.Errorf("nested deep: %v", err)
	}
	if err := ReadCases(JUnit, endless{}, func(Case) error { return nil }); !errors.Is(err, ErrTooLarge) {
		t.Errorf("endless: %v", err)
	}
	stop := errors.New("enough")
	n := 0
	err := ReadCases(JUnit, strings.NewReader("<testsuite><testcase/><testcase/></testsuite>"), func(Case) error { n++; return stop })
	if !errors.Is(err, stop) || n != 1 {
		t.Errorf("stopped after %d: %v", n, err)
	}
}

// endless is a file that does not end.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func FuzzReadCases(f *testing.F) {
	i := 0
	var formats []Format
	for _, format := range []Format{JUnit, Cucumber, VisualStudio, TestNG, NUnit, NUnit3} {
		text, err := os.ReadFile("testdata/" + caseFiles[format])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i, text)
		formats = append(formats, format)
		i++
	}
	f.Fuzz(func(t *testing.T, i int, text []byte) {
		if i < 0 || i >= len(formats) {
			return
		}
		_ = ReadCases(formats[i], strings.NewReader(string(text)), func(c Case) error {
			if c.Status == "" || c.Duration < 0 {
				t.Errorf("%s: %+v", formats[i], c)
			}
			return nil
		})
	})
}

func FuzzReadCoverage(f *testing.F) {
	i := 0
	var formats []Format
	for _, format := range []Format{Clover, Cobertura, JaCoCo, SimpleCov, LCOV} {
		text, err := os.ReadFile("testdata/" + coverageFiles[format])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(i, text)
		formats = append(formats, format)
		i++
	}
	f.Fuzz(func(t *testing.T, i int, text []byte) {
		if i < 0 || i >= len(formats) {
			return
		}
		_ = ReadCoverage(formats[i], strings.NewReader(string(text)), func(c Coverage) error {
			if c.LinesCovered < 0 || c.LinesMissed < 0 || c.BranchesCovered < 0 || c.BranchesMissed < 0 {
				t.Errorf("%s: %+v", formats[i], c)
			}
			return nil
		})
	})
}
