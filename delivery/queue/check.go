package queue

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// A Report is what Check has found out about a Redis.
type Report struct {
	Warning string    // what is wrong with it although it can be used, or ""
	Clock   time.Time // its time, zero for a cluster
}

// Check asks the Redis at the URL how it is. It writes nothing. Its errors say in
// words what keeps it from being used, and no part of the URL.
func Check(ctx context.Context, rawURL string) (Report, error) {
	var report Report
	opt, err := parseURL(rawURL)
	if err != nil {
		return report, err
	}
	redis.SetLogger(quiet{})
	client := redis.NewUniversalClient(opt)
	defer client.Close()
	if report.Warning, err = readInfo(ctx, client); err != nil {
		return report, errors.New(trouble(err))
	}
	if !opt.IsClusterMode {
		if report.Clock, err = client.Time(ctx).Result(); err != nil {
			return report, errors.New(trouble(err))
		}
	}
	return report, nil
}
