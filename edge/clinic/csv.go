package clinic

import (
	"encoding/csv"
	"net/http"
	"strings"
)

// sendCSV answers with a table that is saved and not shown. No cell is one that a spreadsheet takes for a formula.
func sendCSV(w http.ResponseWriter, name string, rows [][]string) error {
	head := w.Header()
	head.Set("Content-Type", "text/csv; charset=utf-8")
	head.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	head.Set("Cache-Control", "private, no-store")
	for _, row := range rows {
		for i, cell := range row {
			if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				row[i] = "'" + cell
			}
		}
	}
	return csv.NewWriter(w).WriteAll(rows)
}
