package carrier

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

var speeds = map[int]uint32{300: unix.B300, 1200: unix.B1200, 2400: unix.B2400, 4800: unix.B4800, 9600: unix.B9600, 19200: unix.B19200}

// openSerial opens a serial port with seven data bits, even parity and one stop bit, and nothing between us and the line.
func openSerial(where string) (*os.File, error) {
	path, rate, _ := strings.Cut(where, "@")
	if rate == "" {
		rate = "1200"
	}
	n, _ := strconv.Atoi(rate)
	speed, ok := speeds[n]
	if !ok {
		return nil, fmt.Errorf("a serial line has no speed of %q here", rate)
	}
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fail error
	err = raw.Control(func(fd uintptr) {
		var t *unix.Termios
		if t, fail = unix.IoctlGetTermios(int(fd), unix.TCGETS); fail != nil {
			return
		}
		t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
		t.Cflag = unix.CREAD | unix.CLOCAL | unix.CS7 | unix.PARENB | speed
		t.Ispeed, t.Ospeed = speed, speed
		t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
		fail = unix.IoctlSetTermios(int(fd), unix.TCSETS, t)
	})
	if err == nil {
		err = fail
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("serial line %s: %w", path, err)
	}
	return f, nil
}
