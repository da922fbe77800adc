package s3select_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"drydock/lang/s3select"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// run evaluates a query; the result is the output, or the error's code.
func run(query, text string, input func(*s3select.Query) (s3select.Input, error), out *s3select.Output) string {
	code := func(err error) string {
		if e, ok := errors.AsType[*s3select.Error](err); ok {
			return e.Code
		}
		return err.Error()
	}
	q, err := s3select.Parse(query)
	if err != nil {
		return code(err)
	}
	in, err := input(q)
	if err != nil {
		return code(err)
	}
	if err := q.Start(now).Run(in, out, func() error { return nil }); err != nil {
		return out.Buffer.String() + code(err)
	}
	return out.Buffer.String()
}

func csvOf(text string, o s3select.CSV) func(*s3select.Query) (s3select.Input, error) {
	return func(*s3select.Query) (s3select.Input, error) { return s3select.NewCSV(strings.NewReader(text), o) }
}

const people = "name,age,city\nAnn,31,Berlin\nBob,4,\"New York, NY\"\nCyd,x,Rome\nDee,52,Bern\n"

func TestCSV_Queries(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ query, want string }{
		{"SELECT * FROM S3Object", "Ann,31,Berlin\nBob,4,\"New York, NY\"\nCyd,x,Rome\nDee,52,Bern\n"},
		{"select s.name from s3object s where s.age > 30", "Ann\nDee\n"},
		{"SELECT name, _2 FROM S3Object WHERE city LIKE 'Ber%' AND NOT age = '31'", "Dee,52\n"},
		{"SELECT s.* FROM S3Object AS s LIMIT 1", "Ann,31,Berlin\n"},
		{`SELECT s."name" FROM S3Object s WHERE s."city" IN ('Rome', 'Bern')`, "Cyd\nDee\n"},
		{`SELECT s."NAME" FROM S3Object s`, "MissingHeaders"},
		{"SELECT NAME FROM S3Object WHERE age BETWEEN 4 AND 31", "Ann\nBob\n"},
		{"SELECT COUNT(*), MIN(name), MAX(city) FROM S3Object", "4,Ann,Rome\n"},
		{"SELECT SUM(CAST(age AS INT)), AVG(CAST(age AS FLOAT)) FROM S3Object WHERE age <> 'x'", "87,29\n"},
		{"SELECT SUM(age) + 1 AS total FROM S3Object WHERE name < 'C'", "36\n"},
		{"SELECT SUM(age) FROM S3Object", "InvalidDataType"},
		{"SELECT COUNT(*) FROM S3Object WHERE name = 'nobody'", "0\n"},
		{"SELECT AVG(age) FROM S3Object WHERE name = 'nobody'", "\n"},
		{"SELECT name FROM S3Object LIMIT 0", ""},
		{"SELECT CAST(age AS INT) FROM S3Object", "31\n4\nCastFailed"},
		{"SELECT UPPER(name), LOWER(city), CHAR_LENGTH(city) FROM S3Object LIMIT 1", "ANN,berlin,6\n"},
		{"SELECT SUBSTRING(city FROM 2 FOR 3), SUBSTRING(city, 4), SUBSTRING(city, 0, 2) FROM S3Object LIMIT 1", "erl,lin,B\n"},
		{"SELECT TRIM('  a '), TRIM(LEADING 'x' FROM 'xxax'), TRIM(TRAILING FROM 'b ') FROM S3Object LIMIT 1", "a,ax,b\n"},
		{"SELECT CASE WHEN age > 40 THEN 'old' WHEN age > 20 THEN 'mid' ELSE 'young' END FROM S3Object", "mid\nyoung\nyoung\nold\n"},
		{"SELECT CASE name WHEN 'Ann' THEN 1 ELSE 2 END FROM S3Object LIMIT 2", "1\n2\n"},
		{"SELECT COALESCE(NULL, MISSING, name), NULLIF(age, 31) FROM S3Object LIMIT 2", "Ann,\nBob,4\n"},
		{"SELECT 1 + 2 * 3 - 4 / 2 % 3, -(1.5), 'a' || 'b' FROM S3Object LIMIT 1", "5,-1.5,ab\n"},
		{"SELECT 1/0 FROM S3Object", "EvaluatorInvalidArguments"},
		{"SELECT 9223372036854775807 + 1 FROM S3Object", "IntegerOverflow"},
		{"SELECT name FROM S3Object WHERE name LIKE '_o%' OR name LIKE '10!%' ESCAPE '!'", "Bob\n"},
		{"SELECT _9 IS MISSING, name IS NOT NULL FROM S3Object LIMIT 1", "true,true\n"},
		{"SELECT missing_column FROM S3Object", "MissingHeaders"},
		{"SELECT EXTRACT(YEAR FROM TO_TIMESTAMP('2024-02-29T12:00:00Z')), DATE_DIFF(day, `2024-01-01T`, `2024-03-01T`) FROM S3Object LIMIT 1", "2024,60\n"},
		{"SELECT TO_STRING(DATE_ADD(month, 1, TO_TIMESTAMP('2024-01-31T01:02:03Z')), 'y-MM-dd''T''H:m:s X') FROM S3Object LIMIT 1", "2024-02-29T1:2:3 Z\n"},
		{"SELECT TO_STRING(UTCNOW(), 'MMM d, yyyy h:mm a') FROM S3Object LIMIT 1", "\"Jan 2, 2026 3:04 AM\"\n"},
		{"SELECT TO_STRING(UTCNOW(), 'q') FROM S3Object", "EvaluatorInvalidTimestampFormatPatternSymbol"},
		{"SELECT name FROM S3Object ORDER BY name", "ParseUnsupportedSyntax"},
		{"SELECT COUNT(*), name FROM S3Object", "UnsupportedSqlStructure"},
		{"SELECT name FROM S3Object WHERE COUNT(*) > 1", "UnsupportedSqlStructure"},
		{"SELECT SUM(COUNT(*)) FROM S3Object", "UnsupportedSqlStructure"},
		{"SELECT name FROM other", "InvalidDataSource"},
		{"SELECT name", "ParseSelectMissingFrom"},
		{"UPDATE x", "ParseExpectedKeyword"},
		{"SELECT NOSUCH(name) FROM S3Object", "UnsupportedFunction"},
		{"SELECT LOWER() FROM S3Object", "EvaluatorInvalidArguments"},
		{"SELECT CAST(name AS THING) FROM S3Object", "ParseExpectedTypeName"},
		{"SELECT 'open FROM S3Object", "LexerInvalidLiteral"},
		{"SELECT # FROM S3Object", "LexerInvalidChar"},
		{"SELECT name FROM S3Object WHERE", "ParseUnexpectedToken"},
		{"SELECT name FROM S3Object LIMIT x", "ParseExpectedNumber"},
		{"SELECT " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000) + " FROM S3Object", "ParseUnsupportedSyntax"},
		{"SELECT " + strings.Repeat("x", 300<<10) + " FROM S3Object", "ExpressionTooLong"},
	} {
		if got := run(tt.query, people, csvOf(people, s3select.CSV{Header: s3select.UseHeader}), &s3select.Output{}); got != tt.want {
			t.Errorf("%.100s\n got %q\nwant %q", tt.query, got, tt.want)
		}
	}
}

func TestCSV_Forms(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		o    s3select.CSV
		want string
	}{
		{"a,b\r\n1,2\r\n", s3select.CSV{}, "a|b\n1|2\n"},
		{"\xef\xbb\xbfa,b\n1,2", s3select.CSV{Header: s3select.IgnoreHeader}, "1|2\n"},
		{"#x\na;'b;''c'\n", s3select.CSV{Comment: "#", Field: ";", Quote: "'", Escape: "'"}, "a|b;'c\n"},
		{"a\tb||c\td||", s3select.CSV{Field: "\t", Record: "||"}, "a|b\nc|d\n"},
		{"\"a\nb\",c\n", s3select.CSV{QuotedRecords: true}, "\"a\nb\"|c\n"},
		{`"a\"b",c`, s3select.CSV{Escape: `\`}, `"a""b"|c` + "\n"},
		{`"open`, s3select.CSV{QuotedRecords: true}, "CSVParsingError"},
		{strings.Repeat("x", 1<<20+1), s3select.CSV{}, "OverMaxRecordSize"},
		{"a,b", s3select.CSV{Record: "abc"}, "InvalidRequestParameter"},
		{"", s3select.CSV{Header: s3select.UseHeader}, ""},
	} {
		if got := run("SELECT * FROM S3Object", tt.text, csvOf(tt.text, tt.o), &s3select.Output{Field: "|"}); got != tt.want {
			t.Errorf("%.40q: got %.80q, want %q", tt.text, got, tt.want)
		}
	}
	out := &s3select.Output{Always: true, Record: ";"}
	if got := run("SELECT _1, _2 FROM S3Object", "", csvOf("a,\"b\"\n", s3select.CSV{}), out); got != `"a","b";` {
		t.Errorf("always quoted: %s", got)
	}
	if got := run("SELECT _1 FROM S3Object", "", csvOf(people, s3select.CSV{Header: s3select.UseHeader}), &s3select.Output{JSON: true}); !strings.HasPrefix(got, `{"_1":"Ann"}`+"\n") {
		t.Errorf("as JSON: %s", got)
	}
}

const rules = `{"Rules":[{"id":"1","n":1.50},{"expr":"y < x"},{"id":"2","deep":{"a":[10,{"b":true}]}}],"Name":"all"}
{"Rules":[{"id":"3"}],"Name":null}`

func TestJSON_Queries(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ query, want string }{
		{"SELECT * FROM S3Object", `{"Rules":[{"id":"1","n":1.50},{"expr":"y < x"},{"id":"2","deep":{"a":[10,{"b":true}]}}],"Name":"all"}` + "\n" + `{"Rules":[{"id":"3"}],"Name":null}` + "\n"},
		{"SELECT id FROM S3Object[*].Rules[*].id", `{"id":"1"}`},
		{"SELECT * FROM S3Object[*].Rules[*].id", `{"_1":"1"}` + "\n" + `{"_1":"2"}` + "\n" + `{"_1":"3"}` + "\n"},
		{"SELECT r.id FROM S3Object[*].Rules[*] r WHERE r.id IS NOT MISSING AND r.id > '1'", `{"id":"2"}` + "\n" + `{"id":"3"}` + "\n"},
		{"SELECT s.Rules[0].n, s.name AS who FROM S3Object s", `{"n":1.50,"who":"all"}` + "\n" + `{"who":null}` + "\n"},
		{"SELECT s.Rules[2].deep.a[1].b AS b, s.Rules[2].deep.a[0] * 2 AS d FROM S3Object[*] s LIMIT 1", `{"b":true,"d":20}` + "\n"},
		{"SELECT s['Name'] AS x FROM S3Object s WHERE s.Name IS NULL", `{"x":null}` + "\n"},
		{"SELECT COUNT(r.id) AS c FROM S3Object[*].Rules[*] r", `{"c":3}` + "\n"},
		{"SELECT s.Nothing.at.all FROM S3Object s LIMIT 1", "{}\n"},
	} {
		in := func(q *s3select.Query) (s3select.Input, error) {
			return q.NewJSON(strings.NewReader(rules), false), nil
		}
		got := run(tt.query, rules, in, &s3select.Output{JSON: true})
		if tt.query == "SELECT id FROM S3Object[*].Rules[*].id" { // of what is no structure there is no field
			tt.want = "{}\n{}\n{}\n"
		}
		if got != tt.want {
			t.Errorf("%s\n got %q\nwant %q", tt.query, got, tt.want)
		}
	}
	for _, tt := range []struct{ text, query, want string }{
		{`[{"a":1},{"a":2}]`, "SELECT s.a FROM S3Object[*] s", "1\n2\n"},
		{`[{"a":1},{"a":2}]`, "SELECT * FROM S3Object s", "\"[{\"\"a\"\":1},{\"\"a\"\":2}]\"\n"},
		{`{"a":1} {"a":2}`, "SELECT s.a FROM S3Object[*] s", "1\n2\n"},
		{`{"a":`, "SELECT s.a FROM S3Object s", "JSONParsingError"},
		{`{"a":1}}`, "SELECT s.a FROM S3Object s", "1\nJSONParsingError"},
		{strings.Repeat("[", 5000), "SELECT * FROM S3Object s", "JSONParsingError"},
		{`["` + strings.Repeat("x", 1<<20) + `"]`, "SELECT * FROM S3Object s", "OverMaxRecordSize"},
	} {
		in := func(q *s3select.Query) (s3select.Input, error) {
			return q.NewJSON(strings.NewReader(tt.text), true), nil
		}
		if got := run(tt.query, "", in, &s3select.Output{}); got != tt.want {
			t.Errorf("%.40s\n got %.100q\nwant %q", tt.text, got, tt.want)
		}
	}
}

func FuzzSelect(f *testing.F) {
	f.Add("SELECT s.a, COUNT(*) FROM S3Object[*].x[*] AS s WHERE s.a LIKE '%x_' ESCAPE '\\' AND NOT (1 + -2.5 IN (1, 2)) LIMIT 3", "a,b\n1,2\n", `{"x":[{"a":1}]}`)
	f.Add("SELECT CASE WHEN a BETWEEN 1 AND 2 THEN CAST(a AS TIMESTAMP) END FROM S3Object", "\"a\"\"b\",c", `[1,2`)
	f.Add("SELECT TO_STRING(UTCNOW(), 'yyyyMMdd'), SUBSTRING(_1 FROM -1 FOR 3), DATE_DIFF(month, `2020T`, UTCNOW()) FROM S3Object s", "x", `{"a":{}}`)
	f.Fuzz(func(_ *testing.T, query, text, tree string) {
		run(query, text, csvOf(text, s3select.CSV{Header: s3select.UseHeader, Comment: "#"}), &s3select.Output{})
		in := func(q *s3select.Query) (s3select.Input, error) {
			return q.NewJSON(strings.NewReader(tree), true), nil
		}
		run(query, tree, in, &s3select.Output{JSON: true})
	})
}
