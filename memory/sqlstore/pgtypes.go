package sqlstore

import (
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
)

// uuidCodec reads IDs as they are on the wire. pgx would print each as text to have
// it parsed again.
type uuidCodec struct{ pgtype.UUIDCodec }

// PlanScan is how a value gets into target.
func (c uuidCodec) PlanScan(m *pgtype.Map, oid uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*uuid.UUID); ok && format == pgtype.BinaryFormatCode {
		return scanUUID{}
	}
	return c.UUIDCodec.PlanScan(m, oid, format, target)
}

type scanUUID struct{}

// Scan copies the 16 bytes; NULL is the nil UUID.
func (scanUUID) Scan(src []byte, target any) error {
	id := target.(*uuid.UUID)
	*id = uuid.Nil
	copy(id[:], src)
	return nil
}
