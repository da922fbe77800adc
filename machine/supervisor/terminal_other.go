//go:build unix && !linux

package supervisor

import (
	"fmt"

	"drydock/machine"
)

func (s *streams) openTerminal(machine.Command) error {
	return fmt.Errorf("terminals need Linux: %w", machine.ErrUnsupported)
}
