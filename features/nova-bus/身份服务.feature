# language: zh-CN
功能: 身份服务

  identity-service 的每次写入和它的事件在同一事务中，由发件箱发布到 nova.identity.events，再到达搜索、动态和关系服务。

  背景:
    假如系统正在运行

  场景: 注册的用户可以被搜索，改名后按新名字找到，注销后不再找到
    当用户名"{旧名}"注册为"用户"
    那么3秒内出现事件"identity.user.created"
    并且搜索"{旧名}"在5秒内找到"{用户.user_id}"
    当用户"用户"改名为"{新名}"，记为"改名"
    那么3秒内出现事件"identity.user.profile_updated"
    并且搜索"{新名}"在5秒内找到"{用户.user_id}"
    并且视图"search"在500毫秒内始终不显示"{用户.user_id}"
      | words | {旧名} |
    当执行操作"delete user"，记为"注销"
      | user_id | {用户.user_id} |
    那么3秒内出现事件"identity.user.deleted"
    并且搜索"{新名}"在5秒内不再找到"{用户.user_id}"

  场景: 作者改名后，粉丝的动态中显示新名字
    当用户名"{旧名}"注册为"作者"
    并且执行操作"follow"
      | follower | {bob}         |
      | followee | {作者.user_id} |
    并且执行操作"create post"，记为"帖子"
      | user    | {作者.user_id} |
      | caption | 早安           |
    那么用户"bob"的动态在5秒内显示帖子"帖子"
    当用户"作者"改名为"{新名}"，记为"改名"
    那么视图"authors in feed"在5秒内显示"{新名}"
      | user | {bob} |

  场景: 软注销的用户不再是任何人的粉丝，也搜索不到
    当用户名"{名字}"注册为"粉丝"
    那么搜索"{名字}"在5秒内找到"{粉丝.user_id}"
    当执行操作"follow"
      | follower | {粉丝.user_id} |
      | followee | {alice}      |
    那么视图"followers"在5秒内显示"{粉丝.user_id}"
      | user | {alice} |
    当执行操作"delete user softly"，记为"注销"
      | user_id | {粉丝.user_id} |
    那么3秒内出现事件"identity.user.deleted"
    并且视图"followers"在5秒内不再显示"{粉丝.user_id}"
      | user | {alice} |
    并且搜索"{名字}"在5秒内不再找到"{粉丝.user_id}"

  场景: 同一用户的事件保持顺序，每个事件在主题上只出现一次
    当用户名"{名字}"注册为"用户"
    那么事件"identity.user.created"在主题上只出现一次，观察300毫秒
    当用户"用户"改名为"{新名}"，记为"改名"
    并且执行操作"delete user"，记为"注销"
      | user_id | {用户.user_id} |
    那么键"{用户.user_id}"的事件在主题上保持顺序

  # 邮箱是敏感字段，所以按用户名寻找。发件箱的一批会一起发出：再下一个用户才一定排在其后。
  场景: 邮箱已被占用的注册不发布任何事件
    当用户名"{名字}"注册为"用户"
    并且执行操作"register an address that is taken"
      | username | {从未有过的名字}      |
      | email    | {名字}@example.com |
    并且用户名"{另一个名字}"注册为"另一个"
    那么3秒内出现事件"identity.user.created"
    当用户名"{第三个名字}"注册为"第三个"
    那么3秒内出现事件"identity.user.created"
    并且在此之前没有出现事件"identity.user.created"
      | /username | {从未有过的名字} |
