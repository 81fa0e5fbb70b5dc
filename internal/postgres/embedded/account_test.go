package embedded

import (
	"os"
	"os/user"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheServersUserIsTheOwnerOfItsData(t *testing.T) {
	t.Parallel()
	data := newDir(t)
	want, err := user.Current()
	require.NoError(t, err)
	if os.Geteuid() == 0 {
		want, err = user.Lookup("nobody")
		require.NoError(t, err)
		uid, err := strconv.Atoi(want.Uid)
		require.NoError(t, err)
		require.NoError(t, os.Chown(data, uid, -1))
	}

	owner, err := dataOwner(data)
	require.NoError(t, err)
	require.Equal(t, want.Username, owner.Username)
}

func TestDataThatBelongToRootAreRefused(t *testing.T) {
	t.Parallel()
	_, err := dataOwner("/")
	require.ErrorContains(t, err, "belongs to root")
}

func TestAnAccountHasAllGroupsOfItsUser(t *testing.T) {
	t.Parallel()
	u, err := user.Current()
	require.NoError(t, err)
	a, err := asAccount(u)
	require.NoError(t, err)

	require.Equal(t, u.Username, a.name)
	require.Equal(t, os.Geteuid(), int(a.credential.Uid))
	require.Equal(t, os.Getegid(), int(a.credential.Gid))
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	require.NoError(t, err)
	require.Contains(t, a.credential.Groups, uint32(gid))
}
