// Package web holds the built web app. It promises one thing: Dist is a file system with what `npm run build` wrote,
// index.html at its root when the app has been built. On a fresh clone only .gitkeep is there, so that Go builds and
// tests need no Node; whoever serves Dist answers with a plain page when index.html is absent. The source of the app
// is beside this file, in src; start with src/main.ts and src/store/engine.ts.
package web

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Dist is the built app, rooted at its index.html. It never fails: the directory is part of the binary.
func Dist() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("web: the embedded directory has another name: " + err.Error())
	}
	return sub
}
