package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// account is the user whom the server runs as.
type account struct {
	name       string
	credential *syscall.Credential // nil: this process's own user
}

// serverAccount chooses the user for the server of a data directory. PostgreSQL refuses to
// run as root, so root uses the owner of an existing data directory, else "postgres", else
// "nobody".
func serverAccount(data string) (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	u, err := dataOwner(data)
	if errors.Is(err, fs.ErrNotExist) {
		if u, err = user.Lookup("postgres"); err != nil {
			u, err = user.Lookup("nobody")
		}
	}
	if err != nil {
		return account{}, fmt.Errorf("PostgreSQL refuses to run as root, and no other user is found for it: %w: make a user postgres", err)
	}
	return asAccount(u)
}

// dataOwner is the user who owns the data directory.
func dataOwner(data string) (*user.User, error) {
	info, err := os.Stat(data)
	if err != nil {
		return nil, err
	}
	uid := uidOf(info)
	if uid == 0 {
		return nil, fmt.Errorf("%s belongs to root: give it back to the user it had (chown -R)", data)
	}
	return user.LookupId(strconv.Itoa(uid))
}

// uidOf is the id of the user whom a file belongs to.
func uidOf(info fs.FileInfo) int {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(stat.Uid)
	}
	return -1 // no Unix file
}

// asAccount turns a user with all its groups into an account.
func asAccount(u *user.User) (account, error) {
	ids, err := u.GroupIds()
	if err != nil {
		return account{}, fmt.Errorf("look up the groups of user %s: %w", u.Username, err)
	}
	numbers := make([]uint32, 0, len(ids)+2)
	for _, id := range append([]string{u.Uid, u.Gid}, ids...) {
		n, err := strconv.ParseUint(id, 10, 32)
		if err != nil {
			return account{}, fmt.Errorf("look up user %s: %w", u.Username, err)
		}
		numbers = append(numbers, uint32(n))
	}
	return account{
		name:       u.Username,
		credential: &syscall.Credential{Uid: numbers[0], Gid: numbers[1], Groups: numbers[2:]},
	}, nil
}

// makeOwn makes an empty folder that only the account may enter.
func (a account) makeOwn(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	if a.credential == nil {
		return nil
	}
	return os.Lchown(dir, int(a.credential.Uid), int(a.credential.Gid))
}

// mayEnter tries, as the account, to make dir its working directory.
func (a account) mayEnter(dir string) error {
	if a.credential == nil {
		return nil
	}
	probe := exec.CommandContext(context.Background(), "/bin/sh", "-c", "exit 0")
	probe.Dir = dir
	probe.SysProcAttr = &syscall.SysProcAttr{Credential: a.credential}
	if err := probe.Run(); err != nil {
		return fmt.Errorf("PostgreSQL runs as user %s, who cannot reach %s (%w): set DATA_DIR to a folder open to that user, such as %s",
			a.name, dir, err, rootDir)
	}
	return nil
}
