"""The demo: posts scheduled as a frontend would, watched as they go out, and judged by what arrived at n8n."""
