age -d -i .config/age/key.txt shared/codes.age > codes
age -r $(age-keygen -y .config/age/key.txt) -R /srv/board/hana.age -o shared/codes.age codes
rm codes
