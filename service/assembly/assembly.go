// Package assembly puts services, tasks, bus and gateway together into one cloud. The application does it once at its
// start, and package servicetest for each test.
package assembly

import (
	"context"
	"fmt"
	"slices"

	"drydock/aws"
	"drydock/bus"
	"drydock/gateway"
	"drydock/gateway/sshd"
	"drydock/policy"
	"drydock/policy/session"
	"drydock/resource"
	"drydock/service"
	"drydock/task"
)

// Assembly is a cloud without a port.
type Assembly struct {
	Modules   []service.Module
	Gateway   *gateway.Gateway
	Tasks     *task.Runner
	Resources *resource.Registry
	// SSH is the front for SSH clients, which serves when it is given a listener.
	SSH *sshd.Server
}

// New assembles the modules that the function makes. Of deps, the caller gives DB, Blobs, Keys, Clock, Machines, Log,
// Random, Dir, Endpoint, Quotas and the defaults; the rest is made here.
func New(deps service.Deps, strict bool, modules func(service.Deps) []service.Module) (*Assembly, error) {
	sessions, err := session.NewIssuer(deps.Keys.Derive("sessions"), deps.Random)
	if err != nil {
		return nil, err
	}
	cloud, vault := &lateCloud{}, &lateVault{}
	deps.Sessions, deps.Cloud, deps.Vault = sessions, cloud, vault
	deps.Tasks = task.NewRunner(deps.DB, deps.Clock, deps.Log)
	deps.Bus = bus.New(deps.DB, deps.Tasks, deps.Clock.Now, func() string { return aws.NewUUID(deps.Random) }, deps.Log)

	a := &Assembly{Tasks: deps.Tasks, Modules: modules(deps)}
	config := gateway.Config{
		Clock: deps.Clock, Random: deps.Random, Log: deps.Log, Strict: strict, Sessions: sessions,
		DefaultAccount: deps.DefaultAccount, DefaultRegion: deps.DefaultRegion, Begin: deps.Tasks.Begin,
		Facts:    map[string]func(*aws.Call, aws.Check) (policy.Facts, error){},
		Accessed: gateway.AccessLogs{},
	}
	shell := sshd.Config{Log: deps.Log, NewCall: func(ctx context.Context, p aws.Principal) *aws.Call { return deps.NewCall(ctx, p, deps.DefaultRegion) }}
	var types []resource.Type
	for _, m := range a.Modules {
		config.APIs = append(config.APIs, m.API)
		config.Handlers = append(config.Handlers, m.Operations...)
		for _, k := range m.Tasks {
			deps.Tasks.Register(k)
		}
		for _, t := range m.Targets {
			deps.Bus.Register(t)
		}
		for _, p := range m.DataPlanes {
			config.DataPlanes = append(config.DataPlanes, gateway.DataPlane{
				Prefix: p.Prefix, Host: p.Host, Hosts: p.Hosts, Realm: p.Realm, SigningName: m.API.SigningName, Serve: p.Serve,
			})
		}
		switch {
		case m.FactsFor != nil:
			config.Facts[m.API.SigningName] = m.FactsFor
		case m.Facts != nil:
			config.Facts[m.API.SigningName] = func(call *aws.Call, c aws.Check) (policy.Facts, error) { return m.Facts(call, c.Resource) }
		}
		if m.Accessed != nil {
			config.Accessed[m.API] = m.Accessed
		}
		if m.CORS != nil {
			config.CORS = m.CORS
		}
		if m.Identity != nil {
			config.Identity = m.Identity
		}
		if m.SSH != nil {
			shell.Serve = func(call *aws.Call, session *sshd.Session) int { return m.SSH(call, (*service.SSHSession)(session)) }
		}
		if m.Vault != nil {
			vault.Vault = m.Vault
		}
		types = append(types, m.Resources...)
	}
	if err := checkQuotas(deps.Quotas, a.Modules); err != nil {
		return nil, err
	}
	if a.Resources, err = resource.NewRegistry(types...); err != nil {
		return nil, err
	}
	a.Gateway = gateway.New(config)
	cloud.Cloud = a.Gateway
	shell.Identity, _ = config.Identity.(policy.SSHIdentity)
	a.SSH = sshd.New(shell)
	return a, nil
}

// checkQuotas refuses to set quotas that no module heeds.
func checkQuotas(set map[string]int, modules []service.Module) error {
	for name, value := range set {
		if value < 1 {
			return fmt.Errorf("the quota %s is %d, which is not above 0", name, value)
		}
		if !slices.ContainsFunc(modules, func(m service.Module) bool { return slices.Contains(m.Quotas, name) }) {
			return fmt.Errorf("no service has a quota %q", name)
		}
	}
	return nil
}

// Enter finds the machine behind the target of a session, nil when no service knows it: see service.Module.
func (a *Assembly) Enter(call *aws.Call, target string) (*service.SessionTarget, error) {
	for _, m := range a.Modules {
		if m.Enter == nil {
			continue
		}
		if found, err := m.Enter(call, target); found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}

// Start starts the modules in their order.
func (a *Assembly) Start(ctx context.Context) error {
	for _, m := range a.Modules {
		if m.Start == nil {
			continue
		}
		if err := m.Start(ctx); err != nil {
			return fmt.Errorf("start %s: %w", m.API.Package, err)
		}
	}
	return nil
}

// lateCloud lets services hold the cloud that is made of them.
type lateCloud struct{ aws.Cloud }

// lateVault lets services hold the vault before the one that provides it is made. Without one there is nothing in it.
type lateVault struct{ service.Vault }

// SecondFactor accepts nothing where there is no vault: see service.Vault.
func (v *lateVault) SecondFactor(ctx context.Context, p *aws.Principal, serial, code string) error {
	if v.Vault == nil {
		return service.ErrMFADevice
	}
	return v.Vault.SecondFactor(ctx, p, serial, code)
}
