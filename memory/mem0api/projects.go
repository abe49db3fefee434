package mem0api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"memhook/memory"
	"memhook/signing/apikey"
)

// settingNames are mem0's settings of a project, and ours: memory_policy and
// erase_on_delete.
var settingNames = map[string]func(value) error{
	"description":                   isText,
	memory.SettingInstructions:      isTexts,
	memory.SettingAgentInstructions: isTexts,
	memory.SettingCategories:        isCategories,
	"multilingual":                  isBool,
	"decay":                         isAnything,
	"memory_depth":                  isAnything,
	"usecase_setting":               isAnything,
	"retrieval_criteria":            isArray,
	"enable_graph":                  isBool,
	"version":                       isText,
	memory.SettingPolicy:            isPolicy,
	memory.SettingErase:             isBool,
}

func isAnything(value) error { return nil }

func isText(v value) error {
	var text string
	return readText(&text, v)
}

func isBool(v value) error {
	var b bool
	return readBool(&b, v)
}

func isArray(v value) error {
	if !v.isNull() && !v.isArray() {
		return mustBe("an array")
	}
	return nil
}

func isTexts(v value) error {
	if v.isString() || v.isNull() {
		return nil
	}
	var list []string
	if readTexts(&list, v) != nil {
		return mustBe("a string or an array of strings")
	}
	return nil
}

func isCategories(v value) error {
	_, err := memory.ParseCategories(json.RawMessage(v))
	return err
}

func isPolicy(v value) error {
	if v.isNull() || v.isString() && slices.Contains([]memory.Policy{memory.Consolidating, memory.Additive}, memory.Policy(v.text())) {
		return nil
	}
	return mustBe(fmt.Sprintf("%q, %q or null", memory.Consolidating, memory.Additive))
}

// isUnset tells whether a value of a setting is as good as none.
func isUnset(v value) bool {
	return v.isNull() || v.isString() && v.text() == "" || v.isArray() && v[v.next(1)] == ']'
}

type projectFields struct {
	projectPath
	fields []string
}

func (r *projectFields) read(in *input) error {
	if err := r.projectPath.read(in); err != nil {
		return err
	}
	q, err := in.query()
	r.fields = queryList(q, "fields")
	return err
}

// project shows the key's project with all its settings, and with those that were
// asked for by a name that is none.
func (a *API) project(ctx context.Context, key apikey.Key, r *projectFields) (map[string]any, error) {
	if err := r.check(key); err != nil {
		return nil, err
	}
	p, err := a.memory.Project(ctx, key.ProjectID)
	if err != nil {
		return nil, err
	}
	shape, err := a.projectShape(ctx, key, p)
	for _, name := range r.fields {
		if _, ok := shape[name]; !ok {
			shape[name] = nil
		}
	}
	return shape, err
}

func (a *API) projectShape(ctx context.Context, key apikey.Key, p memory.Project) (map[string]any, error) {
	first, err := a.memory.Default(ctx, p.ID)
	shape := map[string]any{
		"project_id": p.ID, "name": p.Name, "org_id": memory.OrgID,
		"created_at": memory.Timestamp(p.CreatedAt), "updated_at": memory.Timestamp(p.UpdatedAt),
		"members": membersOf(p), "is_default": first, "user_role": roleOf(key),
	}
	for name := range settingNames {
		shape[name] = nil
		if v, ok := p.Settings[name]; ok {
			shape[name] = v
		}
	}
	return shape, err
}

// projects shows the projects that the key opens: one.
func (a *API) projects(ctx context.Context, key apikey.Key, _ *orgRequest) ([]map[string]any, error) {
	p, err := a.memory.Project(ctx, key.ProjectID)
	if err != nil {
		return nil, err
	}
	shape, err := a.projectShape(ctx, key, p)
	return []map[string]any{shape}, err
}

// projectBody has the members of a project that are given. An unset setting is nil.
type projectBody struct {
	name     *string
	settings memory.Settings
}

// readProject reads the settings in a body, which may be spelled in camel case.
func (in *input) readProject() (projectBody, error) {
	b := projectBody{settings: memory.Settings{}}
	body, err := in.body()
	if err != nil {
		return b, err
	}
	for member, v := range body.members() {
		name := snake(string(member))
		if name == "name" {
			if !v.isString() {
				return b, at(string(member), mustBe("a string"))
			}
			text := v.text()
			b.name = &text
			continue
		}
		check, known := settingNames[name]
		if !known {
			continue
		}
		if err := check(v); err != nil {
			return b, at(string(member), err)
		}
		b.settings[name] = nil
		if !isUnset(v) {
			b.settings[name] = bytes.Clone(v)
		}
	}
	return b, nil
}

// snake spells customInstructions custom_instructions.
func snake(name string) string {
	var s strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			s.WriteByte('_')
		}
		s.WriteRune(unicode.ToLower(r))
	}
	return s.String()
}

type updateProjectRequest struct {
	projectPath
	body projectBody
}

func (r *updateProjectRequest) read(in *input) (err error) {
	if err := r.projectPath.read(in); err != nil {
		return err
	}
	if r.body, err = in.readProject(); err != nil {
		return err
	}
	if r.body.name == nil && len(r.body.settings) == 0 {
		return &memory.InvalidError{Text: "at least one of name, " + strings.Join(sortedKeys(settingNames), ", ") + " is required"}
	}
	return nil
}

// updateProject changes the settings that are given.
func (a *API) updateProject(ctx context.Context, key apikey.Key, r *updateProjectRequest) (messageShape, error) {
	if err := r.check(key); err != nil {
		return messageShape{}, err
	}
	_, err := a.memory.UpdateProject(ctx, key.ProjectID, func(p *memory.Project) error {
		if r.body.name != nil {
			p.Name = *r.body.name
		}
		if p.Settings == nil {
			p.Settings = memory.Settings{}
		}
		for name, v := range r.body.settings {
			if p.Settings[name] = v; v == nil {
				delete(p.Settings, name)
			}
		}
		return nil
	})
	return messageShape{"Project updated successfully"}, err
}

type createProjectRequest struct {
	orgRequest
	body projectBody
}

func (r *createProjectRequest) read(in *input) (err error) {
	if err := r.orgRequest.read(in); err != nil {
		return err
	}
	if r.body, err = in.readProject(); err == nil && r.body.name == nil {
		err = &memory.InvalidError{Field: "name", Text: "is required"}
	}
	return err
}

// createdProject has the new project's first key. mem0's keys open all projects of
// an organisation, ours one.
type createdProject struct {
	Message   string `json:"message"`
	ProjectID string `json:"project_id"`
	Key       string `json:"key"`
}

// createProject adds a project. This answer alone has its first key.
func (a *API) createProject(ctx context.Context, _ apikey.Key, r *createProjectRequest) (createdProject, error) {
	for name, v := range r.body.settings {
		if v == nil {
			delete(r.body.settings, name)
		}
	}
	p, key, err := a.memory.CreateProject(ctx, *r.body.name, r.body.settings)
	return createdProject{"Project created successfully. A key opens one project: use the one given here, which is shown this once.", p.ID, key}, err
}

// deleteProject makes the project and its keys unusable. What it owns is removed in
// the background.
func (a *API) deleteProject(ctx context.Context, key apikey.Key, r *projectPath) (messageShape, error) {
	if err := r.check(key); err != nil {
		return messageShape{}, err
	}
	if err := a.memory.DeleteProject(ctx, key.ProjectID); err != nil {
		return messageShape{}, err
	}
	endpoints, err := a.delivery.Endpoints(ctx, key.ProjectID)
	if err != nil {
		return messageShape{}, err
	}
	for _, e := range endpoints {
		if err := a.delivery.DeleteEndpoint(ctx, key.ProjectID, e.ID); err != nil {
			return messageShape{}, err
		}
	}
	return messageShape{"Project deleted successfully. Its keys no longer work; what it had is being removed."}, nil
}
