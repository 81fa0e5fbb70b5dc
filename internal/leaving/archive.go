package leaving

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Format is the version of the archive's format. A program that reads archives refuses a
// version that it does not know. Files and fields may be added without a new version.
const Format = 1

// A Manifest is manifest.json of an archive: the last file, so an archive with one is whole.
type Manifest struct {
	Format   int       `json:"format"`
	Program  string    `json:"program"`
	Made     time.Time `json:"made"`
	ClinicID uuid.UUID `json:"clinicId"`
	OfClient bool      `json:"ofClient"` // of one client of the clinic only
	Files    []File    `json:"files"`
}

// A File of an archive.
type File struct {
	Name    string `json:"name"`
	Records int64  `json:"records"`
	Bytes   int64  `json:"bytes"`
	SHA256  string `json:"sha256"` // of the bytes, in hex
}

// Counts returns the records of each file of JSON, without its extension.
func (m *Manifest) Counts() Counts {
	counts := Counts{}
	for _, f := range m.Files {
		if name, of := strings.CutSuffix(f.Name, ".jsonl"); of {
			counts[name] = f.Records
		}
	}
	return counts
}

// readme is README.txt, for the person who gets an archive.
const readme = `This archive has everything that PIMS Sync stored of one veterinary clinic,
or of one client of a clinic. It contains personal data: keep it safe.

cases.csv      the visits as a table, for a spreadsheet
cases.jsonl    the visits, complete: one JSON object on each line
history.jsonl  each change of a visit: when, by whom, which field, before and after
clinic.json    the clinic: zone, schedules, settings, without any password
syncs.jsonl    each run of a synchronisation, with its counts
plans.jsonl    deletions that were held back, and what was decided
keys.jsonl     the names of the API keys, never the keys
words.jsonl    the words that the practice uses for status, type and room
manifest.json  what is in the archive, with the SHA-256 of each file

An archive of one client has the visits and their history only. Times are in UTC
(RFC 3339). The fields are described in docs/operations.md of PIMS Sync.
`

// An archive writes one file after the other.
type archive struct {
	zip      *zip.Writer
	manifest Manifest
}

// Write writes the archive of a subject and returns its manifest. It keeps one record in
// memory, whatever the size of the clinic. An archive that was cut off has no manifest.json
// and cannot be opened.
func Write(ctx context.Context, w io.Writer, source Source, subject Subject, now time.Time) (Manifest, error) {
	a := archive{zip: zip.NewWriter(w), manifest: Manifest{
		Format: Format, Program: "pims-sync", Made: now.UTC(), ClinicID: subject.ClinicID, OfClient: subject.OfClient(),
	}}
	if err := a.text("README.txt", []byte(readme)); err != nil {
		return a.manifest, err
	}
	err := source.Read(ctx, subject, func(records Records) error {
		for _, part := range partsOf(&subject) {
			if err := a.part(part, records); err != nil {
				return err
			}
		}
		return a.table(records)
	})
	if err != nil {
		return a.manifest, err
	}
	manifest := a.manifest
	document, err := json.MarshalIndent(manifest, "", "  ")
	if err == nil {
		err = a.text("manifest.json", append(document, '\n'))
	}
	if err == nil {
		err = a.zip.Close()
	}
	return manifest, err
}

// A member is a file of the archive that is being written.
type member struct {
	io.Writer

	file File
	sum  hash.Hash
	size int64
}

func (m *member) Write(p []byte) (int, error) {
	n, err := m.Writer.Write(p)
	m.sum.Write(p[:n])
	m.size += int64(n)
	return n, err
}

func (a *archive) begin(name string) (*member, error) {
	w, err := a.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: a.manifest.Made})
	if err != nil {
		return nil, fmt.Errorf("adding %s to the archive: %w", name, err)
	}
	return &member{Writer: w, file: File{Name: name}, sum: sha256.New()}, nil
}

func (a *archive) end(m *member) {
	m.file.Bytes, m.file.SHA256 = m.size, hex.EncodeToString(m.sum.Sum(nil))
	a.manifest.Files = append(a.manifest.Files, m.file)
}

func (a *archive) text(name string, content []byte) error {
	m, err := a.begin(name)
	if err != nil {
		return err
	}
	if _, err := m.Write(content); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	a.end(m)
	return nil
}

// part writes the records of a part, one on each line. The clinic itself is one document.
func (a *archive) part(part Part, records Records) error {
	name := string(part) + ".jsonl"
	if part == PartClinic {
		name = "clinic.json"
	}
	m, err := a.begin(name)
	if err != nil {
		return err
	}
	err = records(part, func(record []byte) error {
		m.file.Records++
		if part == PartClinic {
			var pretty bytes.Buffer
			if err := json.Indent(&pretty, record, "", "  "); err != nil {
				return err
			}
			record = pretty.Bytes()
		}
		_, err := m.Write(append(slices.Clip(record), '\n'))
		return err
	})
	if err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	a.end(m)
	return nil
}

// table writes cases.csv. It begins with a byte order mark, by which spreadsheets know
// UTF-8.
func (a *archive) table(records Records) error {
	m, err := a.begin("cases.csv")
	if err != nil {
		return err
	}
	if _, err := io.WriteString(m, "\ufeff"); err != nil {
		return err
	}
	rows := csv.NewWriter(m)
	rows.UseCRLF = true // RFC 4180
	if err := rows.Write(columns); err != nil {
		return err
	}
	err = records(PartCases, func(record []byte) error {
		var c caseJSON
		if err := json.Unmarshal(record, &c); err != nil {
			return err
		}
		m.file.Records++
		return rows.Write(c.row())
	})
	rows.Flush()
	if err == nil {
		err = rows.Error()
	}
	if err != nil {
		return fmt.Errorf("writing cases.csv: %w", err)
	}
	a.end(m)
	return nil
}

// columns are the headings of cases.csv.
var columns = []string{
	"date", "patient", "client", "phone", "status", "type", "deleted", "subjective", "objective", "assessment", "plan",
	"notes", "diagnoses", "discharge instructions", "pims id", "case id",
}

// caseJSON is what cases.csv shows of a record of cases.jsonl.
type caseJSON struct {
	ID       string `json:"id"`
	PIMSID   string `json:"pimsId"`
	Date     string `json:"scheduledDate"`
	Patient  string `json:"patientName"`
	Client   string `json:"clientName"`
	Phone    string `json:"phoneNumber"`
	Status   string `json:"status"`
	Type     string `json:"caseType"`
	Metadata struct {
		Consultation struct {
			SOAP struct {
				Subjective string `json:"subjective"`
				Objective  string `json:"objective"`
				Assessment string `json:"assessment"`
				Plan       string `json:"plan"`
			} `json:"soapNotes"`
			Notes     string   `json:"notes"`
			Diagnoses []string `json:"diagnoses"`
			Discharge string   `json:"dischargeInstructions"`
		} `json:"consultation"`
		Reconciliation struct {
			Deleted bool `json:"softDeleted"`
		} `json:"reconciliation"`
	} `json:"metadata"`
}

func (c *caseJSON) row() []string {
	deleted := ""
	if c.Metadata.Reconciliation.Deleted {
		deleted = "yes"
	}
	n := &c.Metadata.Consultation
	row := []string{
		c.Date, c.Patient, c.Client, c.Phone, c.Status, c.Type, deleted, n.SOAP.Subjective, n.SOAP.Objective, n.SOAP.Assessment, n.SOAP.Plan,
		n.Notes, strings.Join(n.Diagnoses, "\n"), n.Discharge, c.PIMSID, c.ID,
	}
	for i := range row {
		row[i] = harmless(row[i])
	}
	return row
}

// harmless returns a text that no spreadsheet takes for a formula.
func harmless(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}
