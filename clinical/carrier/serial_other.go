//go:build !linux

package carrier

import (
	"errors"
	"os"
)

func openSerial(string) (*os.File, error) {
	return nil, errors.New("serial lines are served on Linux only; use a terminal server and tcp:")
}
