package s3select

import (
	"errors"
	"io"
	"strings"
	"time"

	"drydock/lang/parquet"
)

// Parquet is an input of the records of a Parquet file.
type Parquet struct {
	rows  *parquet.Rows
	names []string
}

// NewParquet returns an input of a Parquet file of size bytes. It reads the columns that the query names, and of those the
// row groups that begin from start to end.
func (q *Query) NewParquet(r io.ReaderAt, size, start, end int64) (*Parquet, error) {
	f, err := parquet.Open(r, size)
	if err != nil {
		return nil, parquetError(err)
	}
	columns := f.Columns()
	places, err := q.places(columns)
	if err != nil {
		return nil, err
	}
	p := &Parquet{}
	for _, i := range places {
		if columns[i].Int96 {
			return nil, parquetError(parquet.ErrType)
		}
		p.names = append(p.names, columns[i].Name)
	}
	p.rows = f.Rows(places)
	p.rows.Within(start, end)
	return p, nil
}

// Pages tells how many bytes of pages were read so far, as they are stored and without compression.
func (p *Parquet) Pages() (stored, plain int64) { return p.rows.Read() }

func (p *Parquet) next() (record, error) {
	row, err := p.rows.Next()
	if err != nil {
		return nil, parquetError(err)
	}
	o := &Object{Names: p.names, Values: make([]Value, len(row))}
	for i, v := range row {
		o.Values[i] = fromParquet(v)
	}
	return tree{o}, nil
}

// places returns which columns a query reads, in the file's order.
func (q *Query) places(columns []parquet.Column) ([]int, error) {
	paths := q.paths
	if q.all {
		paths = [][]step{nil}
	}
	if from := q.from; len(from) > 0 {
		if from[0].all {
			from = from[1:]
		}
		if len(from) > 0 { // what is selected lies within
			paths = [][]step{from}
		}
	}
	wanted := make([]bool, len(columns))
	for _, path := range paths {
		switch {
		case len(path) == 0 || path[0].all:
			for i := range wanted {
				wanted[i] = true
			}
		case path[0].index < 0:
			i := place(columns, path[0])
			if i < 0 {
				return nil, fail("EvaluatorBindingDoesNotExist", "A column name or a path provided does not exist in the SQL expression.")
			}
			wanted[i] = true
		}
	}
	var places []int
	for i, w := range wanted {
		if w {
			places = append(places, i)
		}
	}
	return places, nil
}

// place finds a column by its name, as Object does; -1 for none.
func place(columns []parquet.Column, s step) int {
	folded := -1
	for i, c := range columns {
		switch {
		case c.Name == s.name:
			return i
		case folded < 0 && !s.quoted && strings.EqualFold(c.Name, s.name):
			folded = i
		}
	}
	return folded
}

func fromParquet(v any) Value {
	switch v := v.(type) {
	case parquet.Decimal:
		return Number(v)
	case time.Duration:
		return time.Time{}.Add(v).Format("15:04:05.999999999")
	case parquet.List:
		list := make(List, len(v))
		for i, e := range v {
			list[i] = fromParquet(e)
		}
		return list
	case *parquet.Group:
		o := &Object{Names: v.Names, Values: make([]Value, len(v.Values))}
		for i, e := range v.Values {
			o.Values[i] = fromParquet(e)
		}
		return o
	}
	return v
}

// parquetError words what reading a file failed with, except for its end and failures of the storage.
func parquetError(err error) error {
	switch {
	case errors.Is(err, parquet.ErrFormat):
		return fail("ParquetParsingError", "An error occurred while parsing the Parquet file. Check the file and try again.")
	case errors.Is(err, parquet.ErrCodec):
		return fail("ParquetUnsupportedCompressionCodec", "The specified Parquet compression codec is not supported.")
	case errors.Is(err, parquet.ErrType):
		return fail("UnsupportedParquetType", "The specified Parquet type is not supported.")
	case errors.Is(err, parquet.ErrSize):
		return fail("OverMaxParquetBlockSize", "The Parquet file is above the max row group size.")
	case errors.Is(err, parquet.ErrRecord):
		return overMax()
	}
	return err
}
