// Package config reads settings from a file, the environment and the command line into one documented struct.
//
// It promises that every setting has a name, a default that runs on a laptop and a sentence of documentation, in one place, and
// that a name it does not know is an error rather than a silence. Flags win over the environment, which wins over the file. The
// same name is used everywhere: `server-name = hs1` in the file, WARDLINE_SERVER_NAME=hs1, -server-name hs1. Look first at Load.
package config

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Prefix starts the name of every environment variable that holds a setting.
const Prefix = "WARDLINE_"

type setting struct {
	name, def, doc string
	field          reflect.Value
}

// Load fills into, a pointer to a struct whose fields carry the tags `name`, `default` and `doc`, and returns the arguments left
// after the flags. The fields of an embedded struct count as its own. Field types: string, bool, int, time.Duration. The flag -config names a file. Errors name the setting and where
// it came from; flag.ErrHelp is returned after -h.
func Load(into any, program string, args, environ []string, help io.Writer) ([]string, error) {
	settings := fieldsOf(into)
	set := flag.NewFlagSet(program, flag.ContinueOnError)
	set.SetOutput(help)
	file := set.String("config", "", "file of `name = value` lines, # starts a comment")
	given := map[string]*string{}
	for _, s := range settings {
		set.Var(&flagValue{given: given, name: s.name, isBool: s.field.Kind() == reflect.Bool}, s.name, describe(s))
	}
	if err := set.Parse(args); err != nil {
		return nil, err
	}
	byName := map[string]setting{}
	for _, s := range settings {
		byName[s.name] = s
		if err := assign(s, s.def); err != nil {
			return nil, fmt.Errorf("default of %s: %w", s.name, err)
		}
	}
	if *file != "" {
		if err := readFile(*file, byName); err != nil {
			return nil, err
		}
	}
	if err := readEnviron(environ, byName); err != nil {
		return nil, err
	}
	for name, value := range given {
		if err := assign(byName[name], *value); err != nil {
			return nil, fmt.Errorf("flag -%s: %w", name, err)
		}
	}
	return set.Args(), nil
}

func describe(s setting) string {
	doc := strings.ReplaceAll(s.doc, "`", "'")
	if s.def == "" {
		return doc
	}
	return doc + " (default " + s.def + ")"
}

func fieldsOf(into any) []setting {
	v := reflect.ValueOf(into).Elem()
	var all []setting
	for i := range v.NumField() {
		if v.Type().Field(i).Anonymous {
			all = append(all, fieldsOf(v.Field(i).Addr().Interface())...)
			continue
		}
		tag := v.Type().Field(i).Tag
		all = append(all, setting{name: tag.Get("name"), def: tag.Get("default"), doc: tag.Get("doc"), field: v.Field(i)})
	}
	return all
}

func assign(s setting, value string) (err error) {
	switch s.field.Interface().(type) {
	case string:
		s.field.SetString(value)
	case bool:
		b := false
		if value != "" {
			b, err = strconv.ParseBool(value)
		}
		s.field.SetBool(b)
	case int:
		n := 0
		if value != "" {
			n, err = strconv.Atoi(value)
		}
		s.field.SetInt(int64(n))
	case time.Duration:
		d := time.Duration(0)
		if value != "" {
			d, err = time.ParseDuration(value)
		}
		s.field.SetInt(int64(d))
	default:
		return fmt.Errorf("%s has type %s, which a setting cannot have", s.name, s.field.Type())
	}
	if err != nil {
		return fmt.Errorf("%q is not a %s", value, s.field.Type())
	}
	return nil
}

func readFile(path string, byName map[string]setting) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read config: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line, _, _ := strings.Cut(lines.Text(), "#")
		if strings.TrimSpace(line) == "" {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return fmt.Errorf("%s line %d: want name = value", path, n)
		}
		s, ok := byName[strings.TrimSpace(name)]
		if !ok {
			return fmt.Errorf("%s line %d: there is no setting %q", path, n, strings.TrimSpace(name))
		}
		if err := assign(s, strings.TrimSpace(value)); err != nil {
			return fmt.Errorf("%s line %d: %s: %w", path, n, s.name, err)
		}
	}
	return lines.Err()
}

func readEnviron(environ []string, byName map[string]setting) error {
	for _, pair := range environ {
		key, value, _ := strings.Cut(pair, "=")
		name, ok := strings.CutPrefix(key, Prefix)
		if !ok || strings.HasPrefix(name, "TEST_") {
			continue
		}
		name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
		s, ok := byName[name]
		if !ok {
			return fmt.Errorf("environment variable %s: there is no setting %q", key, name)
		}
		if err := assign(s, value); err != nil {
			return fmt.Errorf("environment variable %s: %w", key, err)
		}
	}
	return nil
}

type flagValue struct {
	given  map[string]*string
	name   string
	isBool bool
}

func (f *flagValue) String() string   { return "" }
func (f *flagValue) IsBoolFlag() bool { return f.isBool }
func (f *flagValue) Set(value string) error {
	f.given[f.name] = &value
	return nil
}
