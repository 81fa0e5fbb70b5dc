// Package eventcmd has the commands that send events to others: webhooks and notifications.
package eventcmd
