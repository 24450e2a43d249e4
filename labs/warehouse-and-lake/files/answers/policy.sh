aws s3api put-bucket-policy --bucket lake --policy '{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:user/loader"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::lake/raw/*"},
  {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:user/analyst"}, "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::lake", "arn:aws:s3:::lake/*"]}]}'
