package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

const (
	// bareServerName is what the test binary is called to be a bare server of cases.
	bareServerName = "bare-server"

	readers    = 8               // callers at a time
	readFor    = 3 * time.Second // of a round
	readRounds = 5
)

// BenchmarkCase reads one case by the API, by eight callers at a time, beside a bare handler
// of net/http that reads the same case by one statement and checks no key. Both are
// processes of their own on the same database.
func BenchmarkCase(b *testing.B) {
	i := installWith(b, "API_RATE_LIMIT=0")
	s := i.enrol(b, productionDay(b))
	s.fullSync(b)
	conn, err := pgx.Connect(b.Context(), i.database)
	require.NoError(b, err)
	var id uuid.UUID
	require.NoError(b, conn.QueryRow(b.Context(), "select id from cases where metadata ? 'consultation' order by pims_id limit 1").Scan(&id))
	require.NoError(b, conn.Close(b.Context()))
	ours, bare := i.URL()+"/api/cases/"+id.String(), bareServer(b, i.database)+"/"+id.String()
	rate, slowest := comparison{bound: 2}, comparison{unit: "ms", bound: 2}
	readMany(b, ours, s.key, time.Second) // what is prepared on the connections
	readMany(b, bare, "", time.Second)
	for range readRounds {
		with, without := readMany(b, ours, s.key, readFor), readMany(b, bare, "", readFor)
		rate.addTimes(readFor*readers/time.Duration(len(with)), readFor*readers/time.Duration(len(without)))
		slowest.add(p99(with), p99(without))
	}
	b.Run("a request beside a bare handler", rate.report)
	b.Run("p99 beside a bare handler", slowest.report)
}

// readMany asks an address for a time, and returns how many milliseconds each request took.
func readMany(b *testing.B, address, key string, lasts time.Duration) (all []float64) {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: readers}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var reading sync.WaitGroup
	until := time.Now().Add(lasts)
	for range readers {
		reading.Go(func() {
			var own []float64
			for time.Now().Before(until) {
				start := time.Now()
				if err := readOne(b.Context(), client, address, key); err != nil {
					b.Error(err)
					break
				}
				own = append(own, milliseconds(time.Since(start)))
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, own...)
		})
	}
	reading.Wait()
	require.NotEmpty(b, all)
	return all
}

func readOne(ctx context.Context, client *http.Client, address, key string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return err
	}
	if key != "" {
		request.Header.Set("X-API-Key", key)
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && (response.StatusCode != http.StatusOK || len(body) < 500) {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return err
}

// bareServer starts the bare server on a database and returns its address.
func bareServer(b *testing.B, database string) string {
	b.Helper()
	server := exec.Command(bareServerName, database)
	server.Stderr = os.Stderr
	in, err := server.StdinPipe()
	require.NoError(b, err)
	out, err := server.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, server.Start())
	b.Cleanup(func() {
		_ = in.Close() // which ends it
		_ = server.Wait()
	})
	var address string
	require.NoError(b, json.NewDecoder(out).Decode(&address))
	return address
}

// serveBare serves cases until the standard input ends.
func serveBare() {
	if err := serveCases(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, bareServerName+":", err)
		os.Exit(1)
	}
}

// A bareCase is a row of cases as the bare server writes it.
type bareCase struct {
	ID            uuid.UUID       `json:"id"`
	PIMSID        *string         `json:"pimsId"`
	PatientName   *string         `json:"patientName"`
	ClientName    *string         `json:"clientName"`
	PhoneNumber   *string         `json:"phoneNumber"`
	ScheduledDate *time.Time      `json:"scheduledDate"`
	Status        string          `json:"status"`
	CaseType      string          `json:"caseType"`
	Metadata      json.RawMessage `json:"metadata"`
	CreatedAt     time.Time       `json:"createdAt"`
	UpdatedAt     time.Time       `json:"updatedAt"`
}

func serveCases(ctx context.Context, database string) error {
	pool, err := pgxpool.New(ctx, database)
	if err != nil {
		return err
	}
	defer pool.Close()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rows, err := pool.Query(r.Context(), `select id, pims_id, patient_name, client_name, phone_number, scheduled_date, status, case_type, metadata, created_at, updated_at
			from cases where id = $1`, r.URL.Path[1:])
		var c bareCase
		if err == nil {
			c, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[bareCase])
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(c); err != nil {
			panic(http.ErrAbortHandler) // the caller is gone
		}
	})}
	go func() { _ = server.Serve(listener) }()
	if err := json.NewEncoder(os.Stdout).Encode("http://" + listener.Addr().String()); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}
