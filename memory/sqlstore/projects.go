package sqlstore

import (
	"context"
	"fmt"

	"memhook/memory"
	"memhook/signing/apikey"
)

const projectColumns = `id, name, settings, members, created_at, updated_at`

// CreateProject adds a project with its first key.
func (db *DB) CreateProject(ctx context.Context, p memory.Project, k apikey.Key) error {
	return db.write(ctx, func(t *tx) error {
		if err := t.lock("projects"); err != nil {
			return err
		}
		var n int
		if err := t.row(`SELECT count(*) FROM projects WHERE deleted_at IS NULL`).Scan(&n); err != nil {
			return err
		}
		if n >= memory.MaxProjects {
			return memory.ErrTooMany
		}
		return t.createProject(p, k)
	})
}

// CreateFirstProject is CreateProject unless there is a project, and tells whether
// it added this one.
func (db *DB) CreateFirstProject(ctx context.Context, p memory.Project, k apikey.Key) (bool, error) {
	var n int
	err := db.write(ctx, func(t *tx) error {
		if err := t.lock("first project"); err != nil {
			return err
		}
		if err := t.row(`SELECT count(*) FROM projects`).Scan(&n); err != nil || n > 0 {
			return err
		}
		return t.createProject(p, k)
	})
	return n == 0 && err == nil, err
}

func (t *tx) createProject(p memory.Project, k apikey.Key) error {
	if err := t.insertProject(p); err != nil {
		return err
	}
	return t.insertKey(k)
}

func (t *tx) insertProject(p memory.Project) error {
	_, err := t.exec(`INSERT INTO projects (`+projectColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
		p.ID, p.Name, settingsText(p.Settings), listOrNull(p.Members), micros(p.CreatedAt), micros(p.UpdatedAt))
	if err != nil {
		return fmt.Errorf("project %s: %w", p.ID, err)
	}
	return nil
}

func settingsText(s memory.Settings) string {
	if s == nil {
		return `{}`
	}
	return encode(s)
}

func scanProject(row scanner, p *memory.Project) error {
	return row.Scan(&p.ID, &p.Name, jsonColumn{&p.Settings}, jsonColumn{&p.Members}, timeColumn{&p.CreatedAt}, timeColumn{&p.UpdatedAt})
}

// UpdateProject reads a project, lets change alter its name, settings and members,
// and writes it back.
func (db *DB) UpdateProject(ctx context.Context, id string, change func(*memory.Project) error) (memory.Project, error) {
	var p memory.Project
	err := db.write(ctx, func(t *tx) error {
		p = memory.Project{}
		if err := t.lock("project " + id); err != nil {
			return err
		}
		ok, err := found(scanProject(t.row(oneProject, id), &p))
		if err == nil && !ok {
			err = memory.ErrNotFound
		}
		if err != nil {
			return err
		}
		if err := change(&p); err != nil {
			return err
		}
		_, err = t.exec(`UPDATE projects SET name = $2, settings = $3, members = $4, updated_at = $5 WHERE id = $1`,
			id, p.Name, settingsText(p.Settings), listOrNull(p.Members), micros(p.UpdatedAt))
		return err
	})
	if err != nil {
		return memory.Project{}, fmt.Errorf("project %s: %w", id, err)
	}
	return p, nil
}

const oneProject = `SELECT ` + projectColumns + ` FROM projects WHERE id = $1 AND deleted_at IS NULL`

// Project returns a project.
func (db *DB) Project(ctx context.Context, id string) (memory.Project, error) {
	var p memory.Project
	s, err := db.stmt(ctx, oneProject)
	if err != nil {
		return p, err
	}
	ok, err := found(scanProject(s.QueryRowContext(ctx, id), &p))
	if err == nil && !ok {
		err = memory.ErrNotFound
	}
	if err != nil {
		return p, fmt.Errorf("project %s: %w", id, err)
	}
	return p, nil
}

// Projects returns all projects, oldest first.
func (db *DB) Projects(ctx context.Context) ([]memory.Project, error) {
	var list []memory.Project
	err := db.query(ctx, `SELECT `+projectColumns+` FROM projects WHERE deleted_at IS NULL ORDER BY created_at, id`, nil, func(row scanner) error {
		var p memory.Project
		err := scanProject(row, &p)
		list = append(list, p)
		return err
	})
	return list, err
}
