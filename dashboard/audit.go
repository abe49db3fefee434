package dashboard

import "memhook/delivery"

// note puts what the visitor has done on record.
func (d *Dashboard) note(v visit, action, subject, detail string) {
	d.delivery.Note(v.ctx(), delivery.AuditEntry{
		ProjectID: v.project(), Actor: v.key.ID, ActorHint: v.key.Hint, Action: action, Subject: subject, Detail: detail,
	})
}
