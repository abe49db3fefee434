package memory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Settings are a project's settings by mem0's names, as they were given. A setting
// that is missing is null.
type Settings map[string]json.RawMessage

// The settings that processing reads. All others are stored for their owner.
const (
	SettingInstructions      = "custom_instructions"
	SettingAgentInstructions = "agent_custom_instructions"
	SettingCategories        = "custom_categories"
	SettingPolicy            = "memory_policy" // consolidating or additive; null: what the path of the add says
)

// Text returns a setting that is a string, or an array of strings that belong
// together.
func (s Settings) Text(name string) string {
	var one string
	if json.Unmarshal(s[name], &one) == nil {
		return one
	}
	var lines []string
	if json.Unmarshal(s[name], &lines) == nil {
		return strings.Join(lines, "\n")
	}
	return ""
}

// rules are a project's settings as processing needs them.
type rules struct {
	instructions      string
	agentInstructions string
	categories        json.RawMessage
	list              []Category // of categories; nil: the default
	policy            Policy
	erase             bool // every deletion is an erasure
}

func (s Settings) rules() rules {
	r := rules{
		instructions: s.Text(SettingInstructions), agentInstructions: s.Text(SettingAgentInstructions),
		policy: Policy(s.Text(SettingPolicy)), erase: string(s[SettingErase]) == "true",
	}
	if list, err := ParseCategories(s[SettingCategories]); err == nil && list != nil {
		r.categories, r.list = s[SettingCategories], list
	}
	return r
}

// errNoProject says that the project of an event was deleted meanwhile.
var errNoProject = errors.New("no such project")

const (
	// rulesLife is how long another node may go on with the settings of before.
	rulesLife = 5 * time.Second
	// rulesRoom bounds the projects remembered.
	rulesRoom = 10_000
)

type keptRules struct {
	rules
	until time.Time
}

// rulesOf returns a project's rules. They are remembered: every add needs them.
func (s *Service) rulesOf(ctx context.Context, projectID string) (rules, error) {
	now := s.now()
	s.mu.Lock()
	kept, ok := s.rules[projectID]
	version := s.rulesVersion
	s.mu.Unlock()
	if ok && now.Before(kept.until) {
		return kept.rules, nil
	}
	p, err := s.store.Project(ctx, projectID)
	if errors.Is(err, ErrNotFound) {
		err = fmt.Errorf("%w: %w", errNoProject, err)
	}
	if err != nil {
		return rules{}, err
	}
	r := p.Settings.rules()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rules) >= rulesRoom {
		clear(s.rules)
	}
	if version == s.rulesVersion { // otherwise they may have been changed meanwhile
		s.rules[projectID] = keptRules{r, now.Add(rulesLife)}
	}
	return r, nil
}

// UpdateProject lets change alter a project and stores it. ErrNotFound, and the
// errors of change.
func (s *Service) UpdateProject(ctx context.Context, id string, change func(*Project) error) (Project, error) {
	now := s.now().UTC().Truncate(time.Microsecond)
	p, err := s.store.UpdateProject(ctx, id, func(p *Project) error {
		if err := change(p); err != nil {
			return err
		}
		p.UpdatedAt = now
		return p.validate()
	})
	s.forgetRules(id)
	return p, err
}

func (s *Service) forgetRules(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.rules, id)
	s.rulesVersion++
}

// configured is the add with its project's settings where the call has none.
func (s *Service) configured(ctx context.Context, projectID string, a Add) (Add, []Category, error) {
	r, err := s.rulesOf(ctx, projectID)
	if err != nil {
		return a, nil, fmt.Errorf("settings of project %s: %w", projectID, err)
	}
	if a.Instructions == "" {
		a.Instructions = r.instructions
	}
	if a.AgentInstructions == "" {
		a.AgentInstructions = r.agentInstructions
	}
	if r.policy != "" {
		a.Policy = r.policy
	}
	list, err := ParseCategories(a.Categories)
	if err != nil || list == nil {
		a.Categories, list = r.categories, r.list
	}
	return a, orDefault(list), nil
}

func orDefault(list []Category) []Category {
	if list == nil {
		return DefaultCategories
	}
	return list
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
