//go:build race

package paging

const races = true
