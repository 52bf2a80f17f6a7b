// Command prog is what the tests run in containers: the only file of their images.
package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
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
		return nil
	case "stubborn": // until SIGKILL
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
		time.Sleep(time.Hour)
		return nil
	case "cat":
		_, err := io.Copy(os.Stdout, os.Stdin)
		return err
	case "exit": // STATUS STDERR
		status, err := strconv.Atoi(args[1])
		fmt.Fprintln(os.Stderr, args[2])
		if err != nil {
			return err
		}
		os.Exit(status)
	case "log": // a line on each stream, then sleep
		fmt.Println("to stdout canary-7c1f")
		fmt.Fprintln(os.Stderr, "to stderr canary-7c1f")
		return run([]string{"sleep"})
	case "env":
		fmt.Println(strings.Join(os.Environ(), "\n"))
	case "write": // PATH TEXT
		return os.WriteFile(args[1], []byte(args[2]), 0o600)
	case "read":
		b, err := os.ReadFile(args[1])
		os.Stdout.Write(b)
		return err
	case "rights": // PATH: what copying a tree exactly takes
		return rights(args[1])
	}
	return nil
}

func rights(dir string) error {
	file := dir + "/file"
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		return err
	}
	for what, err := range map[string]error{
		"chown":  os.Lchown(file, 1234, 4321),
		"setuid": syscall.Chmod(file, 0o6711),
		"mknod":  syscall.Mknod(dir+"/null", syscall.S_IFCHR|0o666, 1<<8|3),
		"fifo":   syscall.Mkfifo(dir+"/fifo", 0o600),
		"xattr":  syscall.Setxattr(file, "user.x", []byte("y"), 0),
		// cap_net_bind_service+ep as the kernel has it on disk
		"setcap": syscall.Setxattr(file, "security.capability", []byte("\x01\x00\x00\x02\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"), 0),
		"utimes": syscall.UtimesNano(file, []syscall.Timespec{{Sec: 1, Nsec: 5}, {Sec: 2, Nsec: 7}}),
	} {
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	if err := syscall.Setxattr(file, "trusted.x", []byte("y"), 0); err != syscall.EPERM {
		return fmt.Errorf("trusted.x: %v, want EPERM, as Client.Helper's comment says", err)
	}
	return nil
}
