cd ~/shop
git add --all
git commit -qm 'Continue'
git push -q
