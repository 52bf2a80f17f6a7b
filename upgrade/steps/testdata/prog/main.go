// Command prog is what the tests run in containers: the only program of their images.
// It is their shell too, as far as it is asked.
package main

import (
	"fmt"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

func main() {
	args := os.Args[1:]
	if filepath.Base(os.Args[0]) == "sh" { // sh -c 'exec "$@" 2>&1' belay ARG...
		os.Stderr = os.Stdout
		if args = args[3:]; len(args) == 0 { // the question whether there is a server
			fmt.Println("none")
			return
		}
	}
	if filepath.Base(os.Args[0]) == "redis-server" { // --version
		fmt.Printf("Redis server v=%s sha=00000000:0 malloc=libc bits=64 build=0\n", os.Getenv("REDIS"))
		return
	}
	if filepath.Base(os.Args[0]) == "redis-cli" { // INFO, CONFIG GET
		fmt.Printf("redis_version:%s\nloading:0\nrdb_last_bgsave_status:%s\n", os.Getenv("REDIS"), os.Getenv("SAVED"))
		return
	}
	if err := run(args); err != nil {
		fmt.Fprintln(os.Stderr, "prog:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch args[0] {
	case "sleep": // until SIGTERM
		stop := make(chan os.Signal, 1)
		signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
		<-stop
	case "stubborn": // until SIGKILL
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
		time.Sleep(time.Hour)
	case "exit": // STATUS [TEXT...]
		fmt.Fprintln(os.Stderr, args[1:])
		status, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		os.Exit(status)
	case "crash": // after some time, each time
		time.Sleep(300 * time.Millisecond)
		fmt.Fprintln(os.Stderr, "cannot go on")
		os.Exit(3)
	case "serve": // ADDRESS TEXT
		return http.ListenAndServe(args[1], http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, args[2]) }))
	case "keep": // PATH TEXT: as an application that has data, then sleep
		if err := os.WriteFile(args[1], []byte(args[2]), 0o640); err != nil {
			return err
		}
		return run([]string{"sleep"})
	case "env": // NAME
		fmt.Println(os.Getenv(args[1]))
	case "ok": // a health check that PATH is there
		_, err := os.Stat(args[1])
		return err
	}
	return nil
}
