package mcp_test

import (
	"testing"

	"memhook/memory/sqlstore/sqlstoretest"
)

func TestMain(m *testing.M) { sqlstoretest.Main(m) }
