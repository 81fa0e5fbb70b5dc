package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// Listen opens the address from the named variable. Its error says what to do.
func Listen(ctx context.Context, address, variable string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("cannot listen on %s: %w; choose another with %s", address, errors.Unwrap(err), variable)
	}
	return listener, nil
}
