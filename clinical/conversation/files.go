package conversation

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	"wardline/ground/fault"
	"wardline/matrix/media"
)

// runs are the endings of files that run when they are opened, or draw a page that can run something. The app refuses the same
// (web/src/ui/files.ts); a test compares the two.
var runs = words(`exe msi msix appx bat cmd com scr pif cpl ps1 psm1 vbs vbe js jse mjs wsf wsh hta jar reg lnk url dll sys
	sh bash py pl apk ipa dmg pkg app deb rpm iso img vhd html htm xhtml shtml svg mht mhtml chm docm xlsm pptm dotm xltm xlam one`)

// programs are the kinds of content that run whatever their file is called.
var programs = words(`application/vnd.microsoft.portable-executable application/x-elf application/x-object application/x-executable application/x-sharedlib
	application/x-mach-binary application/x-ms-installer application/java-archive application/x-java-applet application/vnd.android.package-archive
	application/x-ms-shortcut application/vnd.ms-htmlhelp application/vnd.debian.binary-package application/x-rpm application/wasm
	application/x-bytecode.python text/x-shellscript`)

// pages are the kinds of content that a browser runs. Notes and tables that begin like one are what their name says.
var (
	pages     = words(`text/html application/xhtml+xml image/svg+xml`)
	harmless  = words(`txt log md csv tsv json xml hl7`)
	mediaSays = words(`m.file m.image m.audio m.video`)
)

func words(s string) map[string]bool {
	all := map[string]bool{}
	for _, w := range strings.Fields(s) {
		all[w] = true
	}
	return all
}

// ending is what stands behind the last dot of a file's name, in lower case.
func ending(name string) string {
	return strings.ToLower(strings.TrimPrefix(path.Ext(strings.TrimRight(strings.TrimSpace(name), ". ")), "."))
}

func refusedEnding(name string) error {
	if ext := ending(name); runs[ext] {
		return fault.New(fault.Forbidden, "M_FORBIDDEN", fmt.Sprintf("A .%s file can run on the computer that opens it, so it was not taken. Send a PDF instead.", ext))
	}
	return nil
}

// MayKeep says whether a file may be kept: not one that runs on the computer that opens it, whatever it is called (fault.Forbidden).
// A page without a name is kept, as other apps send drawings: it is only ever saved, never shown by a browser, and no message can
// give it a name under which it runs. Sniffed is empty while nothing of the file is here.
// spec: POST /_matrix/media/v3/upload, 403 for a file type that the server does not permit
func MayKeep(f media.File) error {
	if err := refusedEnding(f.Name); err != nil {
		return err
	}
	kind, _, _ := strings.Cut(f.Sniffed, ";")
	if programs[kind] || f.Name != "" && pages[kind] && !harmless[ending(f.Name)] {
		return fault.New(fault.Forbidden, "M_FORBIDDEN", "This file can run on the computer that opens it, so it was not taken. Send a PDF instead.")
	}
	return nil
}

// maySay refuses a message that gives a file a name under which it would run: its bytes may have come under another.
func maySay(content json.RawMessage) error {
	type file struct {
		Msgtype  string `json:"msgtype"`
		Body     string `json:"body"`
		Filename string `json:"filename"`
	}
	var c struct {
		file
		New file `json:"m.new_content"`
	}
	if json.Unmarshal(content, &c) != nil {
		return nil // other members than these are somebody else's to judge
	}
	for _, f := range []file{c.file, c.New} {
		name := f.Filename
		if name == "" {
			name = f.Body
		}
		if err := refusedEnding(name); err != nil && mediaSays[f.Msgtype] {
			return err
		}
	}
	return nil
}
