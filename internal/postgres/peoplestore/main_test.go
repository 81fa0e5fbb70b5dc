package peoplestore_test

import (
	"os"
	"testing"

	"github.com/pims-sync/pims-sync/internal/postgres/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }
