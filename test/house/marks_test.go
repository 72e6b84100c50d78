package house

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A merge that was given up half-way leaves its marks; in a document no compiler finds them.
func TestNoMergeMarks(t *testing.T) {
	out, err := exec.Command("git", "-C", root(), "ls-files", "-z", "*.md", "*.html", "*.css", "*.svelte", "*.ts", "*.mjs", "*.sh", "*.yaml", "*.json", "*.sql", "Makefile").Output()
	if err != nil {
		t.Skipf("this is not a git checkout: %v", err)
	}
	for name := range strings.SplitSeq(strings.Trim(string(out), "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(root(), name))
		if err != nil {
			continue // deleted and not yet committed
		}
		lines := bufio.NewScanner(bytes.NewReader(text))
		lines.Buffer(nil, 16<<20)
		for n := 1; lines.Scan(); n++ {
			if l := lines.Text(); strings.HasPrefix(l, "<<<<<<< ") || strings.HasPrefix(l, ">>>>>>> ") {
				t.Errorf("%s:%d: a mark of an unfinished merge", name, n)
			}
		}
	}
}
