"""What all assets share: resources, partitions, jobs, tags, retries, values between steps."""
