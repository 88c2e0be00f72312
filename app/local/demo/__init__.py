"""The demo: schedule posts as a frontend does, wait for them, and check the requests that arrived at n8n."""
