// Package mcp is memhook's Model Context Protocol server: one path, /mcp, at which a
// model's client finds tools to wait for memory events, to read and add memories, and to
// ask why a callback arrived or not.
//
// It speaks the streamable HTTP transport (https://modelcontextprotocol.io/specification,
// versions 2025-03-26 to 2025-11-25) without sessions: each POST carries one JSON-RPC
// message and is answered with JSON. There is nothing to resume, so any node answers any
// request; what has to survive is in the cursor that wait_for_event returns.
//
// The API key decides the project and which tools there are: one that may only read
// sees only those that read. Everything a tool cannot do is said in words that a model
// can act on, as a result with isError and not as an error of the protocol.
//
// Decisions:
//
//   - 2026-11: the protocol is written out here, in one file, and the official SDK
//     (github.com/modelcontextprotocol/go-sdk) is the client of the tests. As a server it
//     would bring five more modules, OAuth and a second JSON package among them, and
//     sessions that a node keeps in memory, for four methods.
package mcp
