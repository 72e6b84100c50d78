// Command wardline is a trust's messenger in one program: server, web app and the tools to run them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"wardline/app"
	"wardline/ground/config"
	"wardline/ground/obs"
)

const usage = `wardline: a health trust's own messenger

  wardline demo          a hospital to try it with, ready in seconds
  wardline serve         run a server; -h lists its settings
  wardline admin         make, change and list administrators of a stopped server
  wardline staff         bring people in from a file of the staff record
  wardline audit verify  prove that nothing in the audit was altered
  wardline backup        copy everything into one file while the server runs
  wardline restore       make an empty folder into what a backup holds
  wardline migrate       copy a stopped server's database to PostgreSQL, or back
  wardline version       which version this is
`

func main() {
	if err := dispatch(os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "wardline:", err)
		os.Exit(1)
	}
}

func dispatch(args []string) error {
	if len(args) == 0 {
		fmt.Print(usage)
		return nil
	}
	switch args[0] {
	case "demo":
		return runDemo(args[1:])
	case "serve":
		return serve(args[1:])
	case "admin":
		return admin(args[1:])
	case "staff":
		return staffImport(args[1:])
	case "audit":
		return verifyAudit(args[1:])
	case "backup":
		return backup(args[1:])
	case "restore":
		return restore(args[1:])
	case "migrate":
		return migrate(args[1:])
	case "version":
		fmt.Println("wardline", app.Version)
		return nil
	case "help", "-h", "--help":
		fmt.Print(usage)
		return nil
	}
	return fmt.Errorf("there is no command %q; `wardline help` lists them", args[0])
}

// load reads a command's settings and makes its logger.
func load(name string, into *app.Config, args []string, out io.Writer) (*slog.Logger, error) {
	rest, err := config.Load(into, "wardline "+name, args, os.Environ(), out)
	if err != nil {
		return nil, err
	}
	if len(rest) > 0 {
		return nil, fmt.Errorf("%s: what is %q?", name, rest[0])
	}
	return obs.NewLogger(os.Stderr, into.LogLevel, into.LogJSON), nil
}

// untilSignal returns a context that ends when the process is asked to stop.
func untilSignal() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

func serve(args []string) error {
	var c app.Config
	log, err := load("serve", &c, args, os.Stderr)
	if err != nil {
		return err
	}
	ctx, stop := untilSignal()
	defer stop()
	a, err := app.Open(ctx, c, log)
	if err != nil {
		return err
	}
	if err := a.Listen(); err != nil {
		return errors.Join(err, a.Close())
	}
	log.Info("ready", "address", a.Addr.String(), "server", c.ServerName, "data", c.Data)
	<-ctx.Done()
	log.Info("stopping")
	return a.Close()
}
