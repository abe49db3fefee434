package mem0api

import (
	"net/http"

	"memhook/memory"
	"memhook/signing/apikey"
)

// A Route is one entry of the route table.
type Route struct {
	Method  string
	Pattern string       // escaped, with a final slash; ":name" is one segment
	Scope   apikey.Scope // what a key must have
	Status  int          // of success; 0: 200

	form form
	work work
}

// Routes is every route of the API; nothing is registered elsewhere. Each also
// answers without its final slash and with a doubled first one.
func (a *API) Routes() []Route {
	const (
		get, post, put, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
		patch               = http.MethodPatch
		read, admin         = apikey.Read, apikey.Admin
		created             = http.StatusCreated
		orgs                = "/api/v1/orgs/organizations/"
		project             = orgs + ":org/projects/:project/"
	)
	return []Route{
		{get, "/v1/ping/", read, 0, plainForm, handle(a, a.ping)},

		{post, "/v1/memories/", admin, 0, addForm, handle(a, a.addV1)},
		{post, "/v3/memories/add/", admin, 0, addForm, handle(a, a.addV3)},

		{get, "/v1/event/:event/", read, 0, plainForm, handle(a, a.event)},
		{get, "/v1/events/", read, 0, plainForm, handle(a, a.events)},

		{get, "/v1/memories/", read, 0, plainForm, handle(a, a.listV1)},
		{post, "/v2/memories/", read, 0, plainForm, handle(a, a.listV2)},
		{post, "/v3/memories/", read, 0, plainForm, handle(a, a.listV3)},

		{post, "/v1/memories/search/", read, 0, plainForm, handle(a, a.searchV1)},
		{post, "/v2/memories/search/", read, 0, plainForm, handle(a, a.searchV2)},
		{post, "/v3/memories/search/", read, 0, plainForm, handle(a, a.searchV3)},

		{get, "/v1/memories/:memory/", read, 0, plainForm, handle(a, a.memoryByID)},
		{put, "/v1/memories/:memory/", admin, 0, plainForm, handle(a, a.update)},
		{del, "/v1/memories/:memory/", admin, 0, plainForm, handle(a, a.delete)},
		{get, "/v1/memories/:memory/history/", read, 0, plainForm, handle(a, a.historyOrList)},
		{get, "/v1/memories/events/", read, 0, plainForm, handle(a, a.projectHistory)},
		{get, "/v1/memories/:type/:name/", read, 0, plainForm, handle(a, a.listEntity)},
		{del, "/v1/memories/", admin, 0, plainForm, handle(a, a.deleteAll)},

		{put, "/v1/batch/", admin, 0, plainForm, handle(a, a.updateBatch)},
		{del, "/v1/batch/", admin, 0, plainForm, handle(a, a.deleteBatch)},

		{post, "/v1/users/", admin, created, plainForm, handle(a, a.createEntity(memory.FieldUser))},
		{post, "/v1/agents/", admin, created, plainForm, handle(a, a.createEntity(memory.FieldAgent))},
		{post, "/v1/apps/", admin, created, plainForm, handle(a, a.createEntity(memory.FieldApp))},
		{post, "/v1/runs/", admin, created, plainForm, handle(a, a.createEntity(memory.FieldRun))},
		{get, "/v1/entities/", read, 0, plainForm, handle(a, a.entities)},
		{get, "/v1/entities/filters/", read, 0, plainForm, handle(a, a.entityFilters)},
		{get, "/v2/entities/:type/:name/profile/", read, 0, plainForm, handle(a, a.profile)},
		{get, "/v2/entities/:type/:name/", read, 0, plainForm, handle(a, a.entity)},
		{del, "/v2/entities/:type/:name/", admin, 0, plainForm, handle(a, a.deleteEntity)},
		{del, "/v1/entities/:type/:name/", admin, 0, plainForm, handle(a, a.deleteEntityByNumber)},

		{post, "/v1/feedback/", admin, 0, plainForm, handle(a, a.feedback)},
		{post, "/v1/exports/", admin, created, plainForm, handle(a, a.createExport)},
		{post, "/v1/exports/get/", read, 0, plainForm, handle(a, a.export)},
		{post, "/v1/summary/", read, 0, plainForm, handle(a, a.summary)},
		{get, "/v1/stats/", read, 0, plainForm, handle(a, a.stats)},

		{get, orgs, read, 0, plainForm, handle(a, a.organizations)},
		{get, orgs + ":org/", read, 0, plainForm, handle(a, a.organization)},
		{get, orgs + ":org/members/", read, 0, plainForm, handle(a, a.orgMembers)},
		{get, orgs + ":org/projects/", read, 0, plainForm, handle(a, a.projects)},
		{post, orgs + ":org/projects/", admin, created, plainForm, handle(a, a.createProject)},
		{get, project, read, 0, plainForm, handle(a, a.project)},
		{patch, project, admin, 0, plainForm, handle(a, a.updateProject)},
		{del, project, admin, 0, plainForm, handle(a, a.deleteProject)},
		{get, project + "members/", read, 0, plainForm, handle(a, a.members)},
		{post, project + "members/", admin, 0, plainForm, handle(a, a.addMember)},
		{put, project + "members/", admin, 0, plainForm, handle(a, a.updateMember)},
		{del, project + "members/", admin, 0, plainForm, handle(a, a.removeMember)},
		// mem0's Python client 0.1.41 alone has this path.
		{get, project + "custom-instructions-and-categories/", read, 0, plainForm, handle(a, a.project)},
		{patch, project + "custom-instructions-and-categories/", admin, 0, plainForm, handle(a, a.updateProject)},

		{get, "/api/v1/webhooks/projects/:project/", read, 0, plainForm, handle(a, a.webhooks)},
		{post, "/api/v1/webhooks/projects/:project/", admin, created, plainForm, handle(a, a.createWebhook)},
		{put, "/api/v1/webhooks/:webhook/", admin, 0, plainForm, handle(a, a.updateWebhook)},
		{del, "/api/v1/webhooks/:webhook/", admin, 0, plainForm, handle(a, a.deleteWebhook)},
		// mem0's Python client 0.1.52 alone has these paths.
		{get, "/api/v1/webhooks/:project/webhook/", read, 0, plainForm, handle(a, a.webhooks)},
		{post, "/api/v1/webhooks/:project/webhook/", admin, created, plainForm, handle(a, a.createWebhook)},
		{put, "/api/v1/webhooks/:project/webhook/:webhook/", admin, 0, plainForm, handle(a, a.updateWebhook)},
		{del, "/api/v1/webhooks/:project/webhook/:webhook/", admin, 0, plainForm, handle(a, a.deleteWebhook)},
	}
}
