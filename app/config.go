package app

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"

	"drydock/aws"
)

// Version is the version of the binary; a release sets it by the linker.
var Version = "0.1.0-dev"

// Defaults of Config.
const (
	DefaultListen  = "127.0.0.1:4566"
	DefaultAccount = "000000000000"
	DefaultRegion  = "us-east-1"
)

// Config is everything that can be set about a cloud. The zero value works.
type Config struct {
	// Listen is the address of the cloud's port. Anything but loopback needs Strict.
	Listen string
	// SSHListen is the address for git over SSH; empty does not listen. SSH admits keys that IAM knows, and nobody else.
	SSHListen string
	// Data is the data directory; empty means drydock's folder in the XDG state home.
	Data string
	// Ephemeral keeps everything in memory and in a temporary folder that is removed at the end.
	Ephemeral bool
	// Account and Region are those of callers that name none.
	Account, Region string
	// Strict refuses access keys that this cloud did not issue.
	Strict bool
	// Machine names the driver of machines: "namespace", "process", or "" for the best that works here.
	Machine string
	// Quotas are service quotas that differ from AWS's defaults, as "kms/L-6E3AF000": 10000.
	Quotas map[string]int
}

// complete fills in the defaults and checks the result.
func (c Config) complete() (Config, error) {
	if c.Listen == "" {
		c.Listen = DefaultListen
	}
	if c.Account == "" {
		c.Account = DefaultAccount
	}
	if c.Region == "" {
		c.Region = DefaultRegion
	}
	if !aws.ValidAccount(c.Account) {
		return c, fmt.Errorf("account %q is not a number of twelve digits", c.Account)
	}
	if c.Ephemeral && c.Data != "" {
		return c, errors.New("an ephemeral cloud has no data directory")
	}
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return c, fmt.Errorf("listen address: %w", err)
	}
	if !c.Strict && !loopback(host) {
		return c, fmt.Errorf("listening on %s is open to others: it needs --strict, which admits issued access keys only", c.Listen)
	}
	if c.Data == "" && !c.Ephemeral {
		c.Data, err = defaultData()
		if err != nil {
			return c, err
		}
	}
	return c, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// defaultData follows the XDG base directory specification.
func defaultData() (string, error) {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "drydock"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no place for the data directory, give one with --data: %w", err)
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "drydock"), nil
	}
	return filepath.Join(home, ".local", "state", "drydock"), nil
}
