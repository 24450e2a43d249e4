curl -sf --user engineer:engineer-secret --aws-sigv4 aws:amz:ap-northeast-2:s3 -X PUT "http://s3:8333/returns?policy" -d '{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:user/loader"}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::returns/raw/*"},
  {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:user/analyst"}, "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": ["arn:aws:s3:::returns", "arn:aws:s3:::returns/*"]}]}'
