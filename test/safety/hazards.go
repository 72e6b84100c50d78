package safety

import (
	"fmt"
	"os"
	"strings"
)

// Hazard is one entry of the hazard log.
type Hazard struct {
	ID, Title, Control string
	Tests              []string // "clinical/paging TestStep": a folder and a test in it
}

// Read reads the hazard log by id. It understands the few forms that the log uses, and no other YAML.
func Read(path string) (map[string]Hazard, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	all := map[string]Hazard{}
	var h Hazard
	for n, line := range strings.Split(string(raw), "\n") {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case key == "" || strings.HasPrefix(key, "#"), key == "tests:":
			continue
		case key == "- id":
			if _, twice := all[value]; twice {
				return nil, fmt.Errorf("%s is there twice", value)
			}
			h = Hazard{ID: value}
		case key == "title":
			h.Title = value
		case key == "control":
			h.Control = value
		case strings.HasPrefix(line, "    - "):
			h.Tests = append(h.Tests, strings.TrimPrefix(key, "- "))
		default:
			return nil, fmt.Errorf("line %d is not understood: %s", n+1, line)
		}
		all[h.ID] = h
	}
	return all, nil
}
