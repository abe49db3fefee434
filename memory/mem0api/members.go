package mem0api

import (
	"context"
	"net/http"
	"strings"

	"memhook/memory"
	"memhook/signing/apikey"
)

// memberShape is a member as mem0 shows it.
type memberShape struct {
	Username string `json:"username"`
	Role     string `json:"role"`
	Email    string `json:"email"`
}

// ownerMember stands for whoever holds the admin keys.
var ownerMember = memberShape{owner, roleOwner, ownerEmail}

type membersShape struct {
	Members []memberShape `json:"members"`
}

// membersOf shows a project's members, its owner first.
func membersOf(p memory.Project) []memberShape {
	list := []memberShape{ownerMember}
	for _, m := range p.Members {
		name, _, _ := strings.Cut(m.Email, "@")
		list = append(list, memberShape{name, m.Role, m.Email})
	}
	return list
}

// projectPath is a project of the organisation in the path.
type projectPath struct {
	orgRequest
	projectRequest
}

func (r *projectPath) read(in *input) error {
	if err := r.orgRequest.read(in); err != nil {
		return err
	}
	return r.projectRequest.read(in)
}

// members shows who was noted down as a member. Keys open a project, members do
// not: there are no users who could sign in.
func (a *API) members(ctx context.Context, key apikey.Key, r *projectPath) (membersShape, error) {
	if err := r.check(key); err != nil {
		return membersShape{}, err
	}
	p, err := a.memory.Project(ctx, key.ProjectID)
	return membersShape{membersOf(p)}, err
}

// memberRequest is a member with the role it is to have.
type memberRequest struct {
	projectPath
	email, role string
}

func (r *memberRequest) read(in *input) error {
	if err := r.projectPath.read(in); err != nil {
		return err
	}
	body, err := in.body()
	if err != nil {
		return err
	}
	r.role = roleReader
	for name, v := range body.members() {
		switch string(name) {
		case "email":
			err = readText(&r.email, v)
		case "role":
			err = readText(&r.role, v)
		}
		if err != nil {
			return at(string(name), err)
		}
	}
	if r.role = strings.ToUpper(r.role); r.role != roleReader && r.role != roleOwner {
		return at("role", mustBe("READER or OWNER"))
	}
	return checkEmail(r.email)
}

func checkEmail(email string) error {
	const longest = 254 // RFC 5321, 4.5.3.1.3
	name, domain, ok := strings.Cut(email, "@")
	if !ok || name == "" || domain == "" || len(email) > longest || strings.ContainsAny(email, " \r\n\t") {
		return at("email", mustBe("an e-mail address"))
	}
	return nil
}

func (a *API) addMember(ctx context.Context, key apikey.Key, r *memberRequest) (messageShape, error) {
	return a.changeMembers(ctx, key, r.projectPath, "User added to the project successfully.", func(p *memory.Project) error {
		if memberIndex(p, r.email) >= 0 {
			return refuse(http.StatusConflict, "This user is a member of the project already.", "error", "message")
		}
		p.Members = append(p.Members, memory.Member{Email: r.email, Role: r.role})
		return nil
	})
}

func (a *API) updateMember(ctx context.Context, key apikey.Key, r *memberRequest) (messageShape, error) {
	return a.changeMembers(ctx, key, r.projectPath, "User role updated successfully.", func(p *memory.Project) error {
		i := memberIndex(p, r.email)
		if i < 0 {
			return errMember
		}
		p.Members[i].Role = r.role
		return nil
	})
}

// removeMemberRequest names the member in the query.
type removeMemberRequest struct {
	projectPath
	email string
}

func (r *removeMemberRequest) read(in *input) error {
	if err := r.projectPath.read(in); err != nil {
		return err
	}
	q, err := in.query()
	if err != nil {
		return err
	}
	r.email = q.Get("email")
	return checkEmail(r.email)
}

func (a *API) removeMember(ctx context.Context, key apikey.Key, r *removeMemberRequest) (messageShape, error) {
	return a.changeMembers(ctx, key, r.projectPath, "User removed from the project successfully.", func(p *memory.Project) error {
		i := memberIndex(p, r.email)
		if i < 0 {
			return errMember
		}
		p.Members = append(p.Members[:i], p.Members[i+1:]...)
		return nil
	})
}

func (a *API) changeMembers(ctx context.Context, key apikey.Key, r projectPath, done string, change func(*memory.Project) error) (messageShape, error) {
	if err := r.check(key); err != nil {
		return messageShape{}, err
	}
	_, err := a.memory.UpdateProject(ctx, key.ProjectID, change)
	return messageShape{done}, err
}

// memberIndex returns where the member is, -1 when it is none.
func memberIndex(p *memory.Project, email string) int {
	for i, m := range p.Members {
		if strings.EqualFold(m.Email, email) {
			return i
		}
	}
	return -1
}
